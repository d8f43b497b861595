-- Which packages are overdue?
--
-- grain: one row per account and package with completed runs, the overdue ones first, then the
--   longest ago
-- columns: account_id, package_id, package_name (of its latest run), last_completed_at,
--   last_job_id, runs, usual_gap_seconds (the median from one completion to the next),
--   p95_gap_seconds, since_seconds (from the last completion to the last complete listing, or to
--   what is newer), overdue (1 if that is more than twice the usual gap and more than
--   p95_gap_seconds, else 0; null if there is no gap yet)
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A completion counts if it is at most 1000000000 seconds (31 years) before the newest known time,
-- and not after it. The newest known time is never after both the watermark and the end of the last
-- run.
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

completed as ( -- in two parts, so that a first day is looked up in the index
    select
        id,
        account_id,
        package_id,
        run_date,
        finished_epoch
    from jobs
    where
        status = 'completed'
        and run_date >= :since
    union all
    select
        id,
        account_id,
        package_id,
        run_date,
        finished_epoch
    from jobs
    where
        -- coalesce keeps the planner off the status index: another has the order of the ends
        coalesce(status, '') = 'completed'
        and cast(:since as char) is null
),

inputs as ( -- the gap after each completion: the last one has none
    select
        id,
        account_id,
        package_id,
        lead(finished_epoch) over (
            partition by package_id, account_id order by finished_epoch, id
        ) - finished_epoch as gap
    from completed
    cross join known
    where
        finished_epoch between known.epoch - 1000000000 and known.epoch
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

counted as ( -- many gaps of a package are equal, so they are counted first
    select
        account_id,
        package_id,
        gap,
        count(*) as runs,
        count(gap) as gaps,
        max(case when gap is null then id end) as last_job_id
    from inputs
    group by package_id, account_id, gap
),

ranked as (
    select
        account_id,
        package_id,
        gap,
        runs,
        last_job_id,
        gaps,
        sum(gaps) over (
            partition by package_id, account_id order by gap
            rows between unbounded preceding and current row
        ) as upto,
        sum(gaps) over (
            partition by package_id, account_id order by gap
            rows between unbounded preceding and unbounded following
        ) as whole
    from counted
),

places as ( -- whole places and the twentieths beyond
    select
        account_id,
        package_id,
        gap,
        runs,
        last_job_id,
        gaps,
        20 * (upto - gaps) as first_after,
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
        max(last_job_id) as last_job_id,
        sum(runs) as runs,
        sum(
            gap * (
                case
                    when first_after < p50_whole and p50_whole <= last_at then 20 - p50_rest
                    else 0
                end
                + case
                    when first_after <= p50_whole and p50_whole < last_at then p50_rest
                    else 0
                end
            )
        ) / 20.0 as usual_gap_seconds,
        sum(
            gap * (
                case
                    when first_after < p95_whole and p95_whole <= last_at then 20 - p95_rest
                    else 0
                end
                + case
                    when first_after <= p95_whole and p95_whole < last_at then p95_rest
                    else 0
                end
            )
        ) / 20.0 as p95_gap_seconds
    from places
    group by package_id, account_id
),

latest as (
    select
        jobs.account_id,
        packages.package_id,
        packages.last_job_id,
        packages.runs,
        packages.usual_gap_seconds,
        packages.p95_gap_seconds,
        jobs.finished_at as last_completed_at,
        case
            when clocks.epoch > jobs.finished_epoch then clocks.epoch - jobs.finished_epoch
            else 0
        end as since_seconds
    from packages
    inner join jobs on packages.last_job_id = jobs.id
    inner join clocks on jobs.account_id = clocks.account_id
),

final as (
    select
        latest.account_id,
        latest.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = latest.package_id
                and named.account_id = latest.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        latest.last_completed_at,
        latest.last_job_id,
        latest.runs,
        latest.usual_gap_seconds,
        latest.p95_gap_seconds,
        latest.since_seconds,
        case
            when latest.usual_gap_seconds is null then null
            when
                latest.since_seconds > 2 * latest.usual_gap_seconds
                and latest.since_seconds > latest.p95_gap_seconds then 1
            else 0
        end as overdue
    from latest
)

select
    account_id,
    package_id,
    package_name,
    last_completed_at,
    last_job_id,
    runs,
    usual_gap_seconds,
    p95_gap_seconds,
    since_seconds,
    overdue
from final
order by
    coalesce(overdue, 0) desc,
    since_seconds desc,
    account_id,
    package_id is null,
    package_id;
