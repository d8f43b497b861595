-- What is in progress, and what is stuck?
--
-- grain: one row per job that has not ended, the stuck ones first, then the oldest; the filters
--   apply to these jobs alone
-- columns: account_id, job_id, package_id, package_name (of its latest run), status, created_at,
--   age_seconds (from created_at to the last complete listing, or to what is newer), runs
--   (completed ones of the package), p95_seconds (of their runtime), stuck (1 if the job is older
--   than that, else 0; null if either is not known)
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A runtime and an age count if they are 0 to 1000000000 seconds (31 years); any other is ignored,
-- and the age of a job created in the future is 0. The newest known time is never after both the
-- watermark and the end of the last run.
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

inputs as (
    select
        jobs.account_id,
        jobs.id,
        jobs.package_id,
        jobs.status,
        jobs.created_at,
        case
            when clocks.epoch - jobs.created_epoch between 0 and 1000000000
                then clocks.epoch - jobs.created_epoch
            when clocks.epoch < jobs.created_epoch then 0
        end as age_seconds
    from clocks
    inner join jobs on clocks.account_id = jobs.account_id
    where
        jobs.gone_at is null
        and jobs.finished_at is null
        and (jobs.status is null or jobs.status not in ('completed', 'failed', 'stopped'))
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
        and (jobs.package_id = :package_id or cast(:package_id as char) is null)
        and (jobs.run_date >= :since or cast(:since as char) is null)
        and (jobs.run_date < :until or cast(:until as char) is null)
),

ranked as (
    select
        account_id,
        package_id,
        runtime_in_seconds as seconds,
        20 * row_number() over (
            partition by package_id, account_id order by runtime_in_seconds
        ) as place,
        19 * count(*) over (partition by package_id, account_id) + 1 as p95_place
    from jobs
    where
        status = 'completed'
        and runtime_in_seconds between 0 and 1000000000
        and package_id in (select package_id from inputs)
),

usual as (
    select
        account_id,
        package_id,
        count(*) as runs,
        sum(
            seconds
            * case when abs(place - p95_place) < 20 then 20 - abs(place - p95_place) else 0 end
        ) / 20.0 as p95_seconds
    from ranked
    group by package_id, account_id
),

final as (
    select
        inputs.account_id,
        inputs.id as job_id,
        inputs.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = inputs.package_id
                and named.account_id = inputs.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        inputs.status,
        inputs.created_at,
        inputs.age_seconds,
        coalesce(usual.runs, 0) as runs,
        usual.p95_seconds,
        case
            when inputs.age_seconds > usual.p95_seconds then 1
            when inputs.age_seconds <= usual.p95_seconds then 0
        end as stuck
    from inputs
    left join usual
        on inputs.account_id = usual.account_id and inputs.package_id = usual.package_id
)

select
    account_id,
    job_id,
    package_id,
    package_name,
    status,
    created_at,
    age_seconds,
    runs,
    p95_seconds,
    stuck
from final
order by
    coalesce(stuck, 0) desc,
    age_seconds is null,
    age_seconds desc,
    job_id;
