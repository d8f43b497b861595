-- What failed, and how often?
--
-- grain: one row per account, package and day with runs that ended; the day is the UTC date of the
--   start; the newest first, and of a day those that failed most often
-- columns: account_id, package_id, package_name (of its latest run), day, runs (completed, failed
--   or stopped), failed, stopped, failure_rate (failed over completed and failed, 0 to 1; null if
--   there is neither)
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
ended as ( -- in two parts, so that a first day is looked up in the index
    select
        account_id,
        package_id,
        run_date,
        status
    from jobs
    where
        status in ('completed', 'failed', 'stopped')
        and run_date >= :since
    union all
    select
        account_id,
        package_id,
        run_date,
        status
    from jobs
    where
        status in ('completed', 'failed', 'stopped')
        and cast(:since as char) is null
),

inputs as ( -- first by status, in the order of the index
    select
        account_id,
        package_id,
        run_date as day,
        status,
        count(*) as runs
    from ended
    where
        (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date < :until or cast(:until as char) is null)
    group by status, run_date, package_id, account_id
),

days as (
    select
        account_id,
        package_id,
        day,
        sum(runs) as runs,
        sum(case when status = 'completed' then runs else 0 end) as completed,
        sum(case when status = 'failed' then runs else 0 end) as failed,
        sum(case when status = 'stopped' then runs else 0 end) as stopped
    from inputs
    group by package_id, account_id, day
),

final as (
    select
        days.account_id,
        days.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = days.package_id
                and named.account_id = days.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        days.day,
        days.runs,
        days.failed,
        days.stopped,
        round(days.failed * 1e0 / nullif(days.completed + days.failed, 0), 6) as failure_rate
    from days
)

select
    account_id,
    package_id,
    package_name,
    day,
    runs,
    failed,
    stopped,
    failure_rate
from final
order by
    day is null,
    day desc,
    failed desc,
    account_id,
    package_id is null,
    package_id;
