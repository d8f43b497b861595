-- How long does it take until a package that failed completes again?
--
-- grain: one row per account and package that failed, those that fail now first
-- columns: account_id, package_id, package_name (of its latest run), streaks (of failures without a
--   completion between them), failures, longest_streak, recoveries (streaks that a completion
--   ended), p50_seconds, p95_seconds, max_seconds (from the end of the first failure to the end of
--   that completion), failing_runs (of the streak that goes on; 0 if there is none), failing_since
--   (when its first failure ended)
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A job counts if it finished no later than the newest known time, and a recovery's seconds if they
-- are 0 to 1000000000 (31 years). The newest known time is never after both the watermark and the
-- end of the last run.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
server_times as ( -- the server's clock, and this host's when an account's last run ended
    select watermark_epoch as epoch from accounts
    union all
    select coalesce(finished_epoch, started_epoch) as epoch
    from snapshots
    where id in (select max(id) from snapshots group by account_id)
),

horizon as ( -- a later time cannot be right; the hour is for clocks that differ and for the run
    select coalesce(max(epoch) + 3600, 253402300799) as epoch -- the end of the year 9999
    from server_times
),

moments as ( -- the newest ones that an index finds, whatever the number of jobs
    select
        account_id,
        watermark_epoch as epoch
    from accounts
    union all
    select
        accounts.account_id,
        (
            select jobs.created_epoch
            from jobs
            where
                jobs.account_id = accounts.account_id
                and jobs.created_epoch <= horizon.epoch
            order by jobs.created_epoch desc
            limit 1
        ) as epoch
    from accounts
    cross join horizon
    union all
    select
        accounts.account_id,
        (
            select jobs.finished_epoch
            from jobs
            where
                jobs.account_id = accounts.account_id
                and jobs.finished_epoch <= horizon.epoch
            order by jobs.finished_epoch desc
            limit 1
        ) as epoch
    from accounts
    cross join horizon
),

clocks as ( -- the time up to which each account is known
    select
        account_id,
        max(epoch) as epoch
    from moments
    group by account_id
),

known as ( -- the latest of these
    select max(epoch) as epoch
    from clocks
),

ended as ( -- in two parts, so that a first day is looked up in the index
    select
        id,
        account_id,
        package_id,
        run_date,
        status,
        finished_epoch
    from jobs
    where
        status in ('completed', 'failed')
        and run_date >= :since
    union all
    select
        id,
        account_id,
        package_id,
        run_date,
        status,
        finished_epoch
    from jobs
    where
        -- coalesce keeps the planner off the status index: another has the order of the ends
        coalesce(status, '') in ('completed', 'failed')
        and cast(:since as char) is null
),

inputs as (
    select
        id,
        account_id,
        package_id,
        status,
        finished_epoch,
        lag(status) over (
            partition by package_id, account_id order by coalesce(finished_epoch, 0), id
        ) as status_before
    from ended
    cross join known
    where
        (finished_epoch is null or finished_epoch <= known.epoch)
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

numbered as ( -- the failures, and each completion right after one, which ends a streak
    select
        id,
        account_id,
        package_id,
        status,
        finished_epoch,
        sum(case when status = 'completed' then 1 else 0 end) over (
            partition by package_id, account_id order by coalesce(finished_epoch, 0), id
            rows between unbounded preceding and current row
        ) - case when status = 'completed' then 1 else 0 end as streak
    from inputs
    where status = 'failed' or status_before = 'failed'
),

firsts as (
    select
        id,
        account_id,
        package_id,
        status,
        finished_epoch,
        streak,
        first_value(id) over (
            partition by package_id, account_id, streak order by coalesce(finished_epoch, 0), id
        ) as first_id
    from numbered
),

streaks as (
    select
        account_id,
        package_id,
        first_id,
        sum(case when status = 'failed' then 1 else 0 end) as failures,
        max(case when status = 'completed' then 1 else 0 end) as is_over,
        max(case when status = 'completed' then finished_epoch end)
        - max(case when id = first_id then finished_epoch end) as span
    from firsts
    group by package_id, account_id, streak, first_id
),

recoveries as (
    select
        account_id,
        package_id,
        first_id,
        failures,
        is_over,
        case when span between 0 and 1000000000 then span end as seconds
    from streaks
),

ranked as (
    select
        account_id,
        package_id,
        first_id,
        failures,
        is_over,
        seconds,
        20 * count(seconds) over (
            partition by package_id, account_id order by seconds
            rows between unbounded preceding and current row
        ) as place,
        10 * count(seconds) over (partition by package_id, account_id) + 10 as p50_place,
        19 * count(seconds) over (partition by package_id, account_id) + 1 as p95_place
    from recoveries
),

packages as (
    select
        account_id,
        package_id,
        count(*) as streaks,
        sum(failures) as failures,
        max(failures) as longest_streak,
        sum(is_over) as recoveries,
        sum(
            seconds
            * case when abs(place - p50_place) < 20 then 20 - abs(place - p50_place) else 0 end
        ) / 20.0 as p50_seconds,
        sum(
            seconds
            * case when abs(place - p95_place) < 20 then 20 - abs(place - p95_place) else 0 end
        ) / 20.0 as p95_seconds,
        max(seconds) as max_seconds,
        sum(case when is_over = 0 then failures else 0 end) as failing_runs,
        max(case when is_over = 0 then first_id end) as failing_id
    from ranked
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
        packages.streaks,
        packages.failures,
        packages.longest_streak,
        packages.recoveries,
        packages.p50_seconds,
        packages.p95_seconds,
        packages.max_seconds,
        packages.failing_runs,
        jobs.finished_at as failing_since
    from packages
    left join jobs on packages.failing_id = jobs.id
)

select
    account_id,
    package_id,
    package_name,
    streaks,
    failures,
    longest_streak,
    recoveries,
    p50_seconds,
    p95_seconds,
    max_seconds,
    failing_runs,
    failing_since
from final
order by
    failing_runs desc,
    failures desc,
    account_id,
    package_id is null,
    package_id;
