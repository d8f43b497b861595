-- Slower, or more data?
--
-- grain: one row per account, package and week with completed runs whose records are known; the
--   week is the Monday of the UTC date of the start; the newest first
-- columns: account_id, package_id, package_name (of its latest run), week, runs, seconds, records
--   (of all outputs), seconds_per_million (records), runtime_ratio, records_ratio (seconds and
--   records of a run, over those of the last week before that has any), pace_ratio (seconds per
--   record, over the same: above 1 is slower, whatever the amount of data)
--
-- A runtime counts if it is 0 to 1000000000 seconds (31 years), and an output's records if they are
-- 0 to 10000000000000000; any other is ignored.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
numbered_accounts as ( -- numbers are sorted faster than texts, above all by MariaDB
    select
        account_id,
        row_number() over (order by account_id) as account_number
    from accounts
),

inputs as (
    select
        jobs.id as job_id,
        numbered_accounts.account_number,
        jobs.package_id,
        calendar.week,
        jobs.runtime_in_seconds as seconds
    from jobs
    left join calendar on jobs.run_date = calendar.day
    left join numbered_accounts on jobs.account_id = numbered_accounts.account_id
    where
        status = 'completed'
        and runtime_in_seconds between 0 and 1000000000
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

bounds as ( -- ids grow with time: outputs before a first day need not be read
    select
        min(id) as first_job_id,
        max(id) as last_job_id
    from jobs
    where
        status = 'completed'
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and run_date >= :since
        and (run_date < :until or cast(:until as char) is null)
),

-- Billions and the rest are summed separately: a sum of SQLite has 64 bits. It is in two parts, so
-- that PostgreSQL does not expect few outputs when all are read.
written as (
    select
        job_id,
        sum(
            cast((records_count - records_count % 1000000000) / 1000000000 as decimal(38))
        ) as billions,
        sum(records_count % 1000000000) as rest
    from job_outputs
    where
        records_count between 0 and 10000000000000000
        and job_id >= (select bounds.first_job_id from bounds)
        and job_id <= (select bounds.last_job_id from bounds)
    group by job_id
    union all
    select
        job_id,
        sum(
            cast((records_count - records_count % 1000000000) / 1000000000 as decimal(38))
        ) as billions,
        sum(records_count % 1000000000) as rest
    from job_outputs
    where
        records_count between 0 and 10000000000000000
        and cast(:since as char) is null
    group by job_id
),

weeks as (
    select
        inputs.account_number,
        inputs.package_id,
        inputs.week,
        count(*) as runs,
        sum(inputs.seconds) as seconds,
        sum(written.billions) * 1000000000 + sum(written.rest) as records
    from inputs
    inner join written on inputs.job_id = written.job_id
    group by inputs.package_id, inputs.account_number, inputs.week
),

compared as (
    select
        account_number,
        package_id,
        week,
        runs,
        seconds,
        records,
        lag(runs) over (
            partition by package_id, account_number
            order by case when week is null then 1 else 0 end, week
        ) as runs_before,
        lag(seconds) over (
            partition by package_id, account_number
            order by case when week is null then 1 else 0 end, week
        ) as seconds_before,
        lag(records) over (
            partition by package_id, account_number
            order by case when week is null then 1 else 0 end, week
        ) as records_before
    from weeks
),

final as (
    select
        numbered_accounts.account_id,
        compared.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = compared.package_id
                and named.account_id = numbered_accounts.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        compared.week,
        compared.runs,
        compared.seconds,
        compared.records,
        round(compared.seconds * 1e6 / nullif(compared.records, 0), 6) as seconds_per_million,
        round(
            compared.seconds * 1e0 * compared.runs_before
            / nullif(compared.seconds_before * 1e0 * compared.runs, 0), 6
        ) as runtime_ratio,
        round(
            compared.records * 1e0 * compared.runs_before
            / nullif(compared.records_before * 1e0 * compared.runs, 0), 6
        ) as records_ratio,
        round(
            compared.seconds * 1e0 * nullif(compared.records_before, 0)
            / nullif(compared.seconds_before * 1e0 * compared.records, 0), 6
        ) as pace_ratio
    from compared
    left join numbered_accounts on compared.account_number = numbered_accounts.account_number
)

select
    account_id,
    package_id,
    package_name,
    week,
    runs,
    seconds,
    records,
    seconds_per_million,
    runtime_ratio,
    records_ratio,
    pace_ratio
from final
order by
    week is null,
    week desc,
    account_id,
    package_id is null,
    package_id;
