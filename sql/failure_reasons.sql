-- Why did jobs fail?
--
-- grain: one row per reason of failed jobs, the most frequent first
-- columns: reason (the error without ids, numbers, dates and paths; null if there was none),
--   failures, packages (how many), first_seen, last_seen (when the first and the last such job
--   finished), last_job_id
--
-- parameters (null: no filter): :since (first day), :until (day after the last), :package_id
-- sqlite3:  sqlite3 -header -csv job_history.db ".read sql/failure_reasons.sql"
--           (to set one, before it: -cmd ".parameter init" -cmd ".parameter set :package_id 434")
-- psql:     psql -v since=null -v until=null -v package_id=434 -f sql/failure_reasons.sql
-- mariadb:  sed 's/:since/null/g; s/:until/null/g; s/:package_id/434/g' \
--           sql/failure_reasons.sql | mariadb

with
inputs as (
    select
        id,
        package_id,
        error_fingerprint as reason,
        finished_at
    from jobs
    where
        status = 'failed'
        and (:since is null or run_date >= :since)
        and (:until is null or run_date < :until)
        and (:package_id is null or package_id = :package_id)
),

final as (
    select
        reason,
        count(*) as failures,
        count(distinct package_id) as packages,
        min(finished_at) as first_seen,
        max(finished_at) as last_seen,
        max(id) as last_job_id
    from inputs
    group by reason
)

select
    reason,
    failures,
    packages,
    first_seen,
    last_seen,
    last_job_id
from final
order by
    failures desc,
    last_job_id desc;
