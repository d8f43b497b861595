-- Which packages have become slower?
--
-- grain: one row per account and package whose last 5 completed runs are slower than the 30 before,
--   the worst first
-- columns: account_id, package_id, package_name (of its latest run), recent_p50 (seconds),
--   baseline_p50 (seconds), ratio, since_job_id (the first of the 5), since (when it finished),
--   mad_seconds (the median absolute deviation of the baseline), baseline_runs, edited (1 if the
--   package was edited between the two, else 0)
--
-- Slower means that the median is 1.5 times that of the runs before (at least 10), and at least 3
-- of their median absolute deviations above it.
--
-- A median is kept doubled until the last step (the sum of the two middle values, or twice the
-- middle one), so that everything is in whole numbers, the same on every engine.
--
-- A run counts if it took 0 to 1000000000 seconds (31 years) and finished no later than the newest
-- known time. The newest known time is never after both the watermark and the end of the last run.
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
        runtime_in_seconds,
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
        runtime_in_seconds,
        finished_epoch
    from jobs
    where
        status = 'completed'
        and cast(:since as char) is null
),

inputs as (
    select
        id,
        account_id,
        package_id,
        runtime_in_seconds as seconds,
        row_number() over (
            partition by package_id, account_id
            order by coalesce(finished_epoch, 0) desc, id desc
        ) as age
    from completed
    cross join known
    where
        (finished_epoch is null or finished_epoch <= known.epoch)
        and runtime_in_seconds between 0 and 1000000000
        and package_id is not null
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

compared as (
    select
        id,
        account_id,
        package_id,
        seconds,
        age,
        case when age <= 5 then 1 else 0 end as is_recent
    from inputs
    where age <= 35
),

placed as (
    select
        account_id,
        package_id,
        is_recent,
        seconds,
        2 * row_number() over (
            partition by package_id, account_id, is_recent order by seconds
        ) as place,
        count(*) over (partition by package_id, account_id, is_recent) + 1 as middle
    from compared
),

medians as (
    select
        account_id,
        package_id,
        is_recent,
        count(*) as runs,
        sum(
            seconds * case when abs(place - middle) < 2 then 2 - abs(place - middle) else 0 end
        ) as twice
    from placed
    group by package_id, account_id, is_recent
),

deviations as (
    select
        compared.account_id,
        compared.package_id,
        abs(2 * compared.seconds - medians.twice) as deviation
    from compared
    inner join medians
        on
            compared.account_id = medians.account_id
            and compared.package_id = medians.package_id
            and compared.is_recent = medians.is_recent
    where compared.is_recent = 0
),

placed_deviations as (
    select
        account_id,
        package_id,
        deviation,
        2 * row_number() over (
            partition by package_id, account_id order by deviation
        ) as place,
        count(*) over (partition by package_id, account_id) + 1 as middle
    from deviations
),

spreads as ( -- four times the median absolute deviation
    select
        account_id,
        package_id,
        sum(
            deviation * case when abs(place - middle) < 2 then 2 - abs(place - middle) else 0 end
        ) as fourfold
    from placed_deviations
    group by package_id, account_id
),

slower as (
    select
        recent.account_id,
        recent.package_id,
        recent.twice as recent_twice,
        baseline.twice as baseline_twice,
        baseline.runs as baseline_runs,
        spreads.fourfold
    from medians as recent
    inner join medians as baseline
        on
            recent.account_id = baseline.account_id
            and recent.package_id = baseline.package_id
            and baseline.is_recent = 0
    inner join spreads
        on recent.account_id = spreads.account_id and recent.package_id = spreads.package_id
    where
        recent.is_recent = 1
        and recent.runs = 5
        and baseline.runs >= 10
        and recent.twice > baseline.twice
        and 2 * recent.twice >= 3 * baseline.twice
        and 2 * (recent.twice - baseline.twice) >= 3 * spreads.fourfold
),

bounds as (
    select
        compared.account_id,
        compared.package_id,
        max(case when compared.age = 5 then jobs.id end) as since_job_id,
        max(case when compared.age = 5 then jobs.finished_at end) as since,
        max(case when compared.age = 5 then jobs.started_at end) as slow_from,
        max(case when compared.age = 6 then jobs.started_at end) as fast_until
    from compared
    inner join slower
        on
            compared.account_id = slower.account_id
            and compared.package_id = slower.package_id
    inner join jobs on compared.id = jobs.id
    where compared.age in (5, 6)
    group by compared.package_id, compared.account_id
),

edits as (
    select
        compared.account_id,
        compared.package_id,
        max(
            case
                when jobs.package_updated_at > bounds.fast_until
                    and jobs.package_updated_at <= bounds.slow_from then 1
                else 0
            end
        ) as edited
    from compared
    inner join bounds
        on
            compared.account_id = bounds.account_id
            and compared.package_id = bounds.package_id
    inner join jobs on compared.id = jobs.id
    group by compared.package_id, compared.account_id
),

final as (
    select
        slower.account_id,
        slower.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = slower.package_id
                and named.account_id = slower.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        slower.recent_twice / 2.0 as recent_p50,
        slower.baseline_twice / 2.0 as baseline_p50,
        round(slower.recent_twice * 1e0 / nullif(slower.baseline_twice, 0), 6) as ratio,
        bounds.since_job_id,
        bounds.since,
        slower.fourfold / 4.0 as mad_seconds,
        slower.baseline_runs,
        edits.edited
    from slower
    inner join bounds
        on slower.account_id = bounds.account_id and slower.package_id = bounds.package_id
    inner join edits
        on slower.account_id = edits.account_id and slower.package_id = edits.package_id
)

select
    account_id,
    package_id,
    package_name,
    recent_p50,
    baseline_p50,
    ratio,
    since_job_id,
    since,
    mad_seconds,
    baseline_runs,
    edited
from final
order by
    ratio is not null,
    ratio desc,
    account_id,
    package_id;
