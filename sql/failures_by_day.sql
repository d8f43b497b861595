-- What failed, and how often?
--
-- grain: one row per package and day with runs that ended; the day is the UTC date of the start;
--   the newest first, and of a day those that failed most often
-- columns: package_id, package_name (of its latest run), day, runs (completed, failed or stopped),
--   failed, stopped, failure_rate (failed over completed and failed, 0 to 1; null if there is
--   neither)
--
-- parameters (null: no filter): :since (first day), :until (day after the last), :package_id
-- sqlite3:  sqlite3 -header -csv job_history.db ".read sql/failures_by_day.sql"
--           (to set one, before it: -cmd ".parameter init" -cmd ".parameter set :package_id 434")
-- psql:     psql -v since=null -v until=null -v package_id=434 -f sql/failures_by_day.sql
-- mariadb:  sed 's/:since/null/g; s/:until/null/g; s/:package_id/434/g' \
--           sql/failures_by_day.sql | mariadb

with
inputs as (
    select
        package_id,
        run_date as day,
        case when status = 'completed' then 1 else 0 end as is_completed,
        case when status = 'failed' then 1 else 0 end as is_failed,
        case when status = 'stopped' then 1 else 0 end as is_stopped
    from jobs
    where
        status in ('completed', 'failed', 'stopped')
        and (:since is null or run_date >= :since)
        and (:until is null or run_date < :until)
        and (:package_id is null or package_id = :package_id)
),

latest_named as (
    select
        package_id,
        max(id) as id
    from jobs
    where package_name is not null
    group by package_id
),

names as ( -- each package's latest known name
    select
        latest_named.package_id,
        jobs.package_name
    from latest_named
    inner join jobs on latest_named.id = jobs.id
),

days as (
    select
        package_id,
        day,
        count(*) as runs,
        sum(is_completed) as completed,
        sum(is_failed) as failed,
        sum(is_stopped) as stopped
    from inputs
    group by package_id, day
),

final as (
    select
        days.package_id,
        names.package_name,
        days.day,
        days.runs,
        days.failed,
        days.stopped,
        round(days.failed * 1e0 / nullif(days.completed + days.failed, 0), 6) as failure_rate
    from days
    left join names on days.package_id = names.package_id
)

select
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
    package_id is null,
    package_id;
