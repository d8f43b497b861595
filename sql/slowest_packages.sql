-- Where do the hours go?
--
-- grain: one row per account and package with completed runs, the one with most seconds first
-- columns: account_id, package_id, package_name (of its latest run), runs, total_seconds, share (of
--   the seconds of all packages of the account, 0 to 1), p50_seconds, p95_seconds
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A runtime counts if it is 0 to 1000000000 seconds (31 years); any other is ignored.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
completed as ( -- in two parts, so that a first day is looked up in the index
    select
        account_id,
        package_id,
        run_date,
        runtime_in_seconds
    from jobs
    where
        status = 'completed'
        and run_date >= :since
    union all
    select
        account_id,
        package_id,
        run_date,
        runtime_in_seconds
    from jobs
    where
        status = 'completed'
        and cast(:since as char) is null
),

inputs as (
    select
        account_id,
        package_id,
        case
            when runtime_in_seconds between 0 and 1000000000 then runtime_in_seconds
        end as seconds
    from completed
    where
        (account_id = :account_id or cast(:account_id as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

counted as ( -- many runtimes of a package are equal, so they are counted first
    select
        account_id,
        package_id,
        seconds,
        count(*) as runs,
        count(seconds) as timed_runs
    from inputs
    group by package_id, account_id, seconds
),

ranked as (
    select
        account_id,
        package_id,
        seconds,
        runs,
        timed_runs,
        sum(timed_runs) over (
            partition by package_id, account_id order by seconds
            rows between unbounded preceding and current row
        ) as upto,
        sum(timed_runs) over (
            partition by package_id, account_id order by seconds
            rows between unbounded preceding and unbounded following
        ) as whole
    from counted
),

places as ( -- whole places and the twentieths beyond
    select
        account_id,
        package_id,
        seconds,
        runs,
        timed_runs,
        20 * (upto - timed_runs) as first_after,
        20 * upto as last_at,
        10 * whole + 10 - (10 * whole + 10) % 20 as p50_whole,
        (10 * whole + 10) % 20 as p50_rest,
        19 * whole + 1 - (19 * whole + 1) % 20 as p95_whole,
        (19 * whole + 1) % 20 as p95_rest
    from ranked
),

packages as (
    select
        account_id,
        package_id,
        sum(runs) as runs,
        sum(timed_runs * seconds) as total_seconds,
        sum(
            seconds * (
                case
                    when first_after < p50_whole and p50_whole <= last_at then 20 - p50_rest
                    else 0
                end
                + case
                    when first_after <= p50_whole and p50_whole < last_at then p50_rest
                    else 0
                end
            )
        ) / 20.0 as p50_seconds,
        sum(
            seconds * (
                case
                    when first_after < p95_whole and p95_whole <= last_at then 20 - p95_rest
                    else 0
                end
                + case
                    when first_after <= p95_whole and p95_whole < last_at then p95_rest
                    else 0
                end
            )
        ) / 20.0 as p95_seconds
    from places
    group by package_id, account_id
),

final as (
    select
        packages.account_id,
        packages.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = packages.package_id
                and named.account_id = packages.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        packages.runs,
        packages.total_seconds,
        round(
            packages.total_seconds * 1e0
            / nullif(
                sum(packages.total_seconds) over (partition by packages.account_id), 0
            ), 6
        ) as share,
        packages.p50_seconds,
        packages.p95_seconds
    from packages
)

select
    account_id,
    package_id,
    package_name,
    runs,
    total_seconds,
    share,
    p50_seconds,
    p95_seconds
from final
where package_id = :package_id or cast(:package_id as char) is null
order by
    coalesce(total_seconds, 0) desc,
    account_id,
    package_id is null,
    package_id;
