-- Which packages are there, and since when do they run?
--
-- grain: one row per account and package
-- columns: account_id, package_id, package_name (the latest known name), first_run_at (when its
--   first job started, or was requested if it has not started), last_run_at (the same of its last
--   job), runs (jobs, whatever their status), last_status (of the job with the highest id)

with
runs as (
    select
        account_id,
        package_id,
        min(coalesce(started_at, created_at)) as first_run_at,
        max(coalesce(started_at, created_at)) as last_run_at,
        count(*) as runs,
        max(id) as last_id,
        max(case when package_name is not null then id end) as named_id
    from jobs
    where package_id is not null
    group by account_id, package_id
)

select
    runs.account_id,
    runs.package_id,
    named.package_name,
    runs.first_run_at,
    runs.last_run_at,
    runs.runs,
    latest.status as last_status
from runs
left join jobs as named on runs.named_id = named.id
left join jobs as latest on runs.last_id = latest.id
order by
    runs.account_id,
    runs.package_id;
