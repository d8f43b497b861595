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
    select max(epoch) + 3600 as epoch
    from server_times
),

moments as (
    select
        account_id,
        watermark_epoch as epoch
    from accounts
    union all
    select
        jobs.account_id,
        max(
            case
                when horizon.epoch is null or jobs.created_epoch <= horizon.epoch
                    then jobs.created_epoch
            end
        ) as epoch
    from jobs
    cross join horizon
    group by jobs.account_id
    union all
    select
        jobs.account_id,
        max(
            case
                when horizon.epoch is null or jobs.finished_epoch <= horizon.epoch
                    then jobs.finished_epoch
            end
        ) as epoch
    from jobs
    cross join horizon
    group by jobs.account_id
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

latest_named as (
    select
        package_id,
        account_id,
        max(id) as id
    from jobs
    where package_name is not null
    group by package_id, account_id
),

names as ( -- each package's latest known name
    select
        latest_named.account_id,
        latest_named.package_id,
        jobs.package_name
    from latest_named
    inner join jobs on latest_named.id = jobs.id
),

numbered_accounts as ( -- numbers are sorted faster than texts, above all by MariaDB
    select
        account_id,
        row_number() over (order by account_id) as account_number
    from jobs
    group by account_id
),

inputs as (
    select
        id,
        numbered_accounts.account_number,
        package_id,
        finished_epoch - lag(finished_epoch) over (
            partition by package_id, account_number order by finished_epoch, id
        ) as gap,
        lead(id) over (
            partition by package_id, account_number order by finished_epoch, id
        ) as next_id
    from jobs
    cross join known
    left join numbered_accounts on jobs.account_id = numbered_accounts.account_id
    where
        status = 'completed'
        and finished_epoch between known.epoch - 1000000000 and known.epoch
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

ranked as (
    select
        account_number,
        package_id,
        gap,
        case when next_id is null then id end as last_job_id,
        20 * count(gap) over (
            partition by package_id, account_number order by gap
            rows between unbounded preceding and current row
        ) as place,
        10 * count(gap) over (partition by package_id, account_number) + 10 as p50_place,
        19 * count(gap) over (partition by package_id, account_number) + 1 as p95_place
    from inputs
),

packages as (
    select
        account_number,
        package_id,
        max(last_job_id) as last_job_id,
        count(*) as runs,
        sum(
            gap
            * case when abs(place - p50_place) < 20 then 20 - abs(place - p50_place) else 0 end
        ) / 20.0 as usual_gap_seconds,
        sum(
            gap
            * case when abs(place - p95_place) < 20 then 20 - abs(place - p95_place) else 0 end
        ) / 20.0 as p95_gap_seconds
    from ranked
    group by package_id, account_number
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
        names.package_name,
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
    left join names
        on latest.account_id = names.account_id and latest.package_id = names.package_id
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
