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
numbered_accounts as ( -- numbers are sorted faster than texts, above all by MariaDB
    select
        account_id,
        row_number() over (order by account_id) as account_number
    from jobs
    group by account_id
),

inputs as (
    select
        numbered_accounts.account_number,
        package_id,
        run_date as day,
        case when status = 'completed' then 1 else 0 end as is_completed,
        case when status = 'failed' then 1 else 0 end as is_failed,
        case when status = 'stopped' then 1 else 0 end as is_stopped
    from jobs
    left join numbered_accounts on jobs.account_id = numbered_accounts.account_id
    where
        status in ('completed', 'failed', 'stopped')
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
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
        numbered_accounts.account_number,
        latest_named.package_id,
        jobs.package_name
    from latest_named
    inner join jobs on latest_named.id = jobs.id
    inner join numbered_accounts on latest_named.account_id = numbered_accounts.account_id
),

days as (
    select
        account_number,
        package_id,
        day,
        count(*) as runs,
        sum(is_completed) as completed,
        sum(is_failed) as failed,
        sum(is_stopped) as stopped
    from inputs
    group by package_id, account_number, day
),

final as (
    select
        numbered_accounts.account_id,
        days.package_id,
        names.package_name,
        days.day,
        days.runs,
        days.failed,
        days.stopped,
        round(days.failed * 1e0 / nullif(days.completed + days.failed, 0), 6) as failure_rate
    from days
    left join numbered_accounts on days.account_number = numbered_accounts.account_number
    left join names
        on days.account_number = names.account_number and days.package_id = names.package_id
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
