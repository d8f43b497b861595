-- How long did jobs wait to start?
--
-- grain: a day with jobs that started; the day is the UTC date of the start
-- columns: day, runs, p50_seconds, p95_seconds (of the wait from created_at to started_at)
--
-- A percentile f lies at place 1 + f * (n - 1); the rows beside it count by how near they are. Places
-- are in twentieths, so that all is in whole numbers, the same on every engine, up to the division.
--
-- parameters, each null for all: :since (first day), :until (day after the last), :package_id
-- sqlite3:  sqlite3 -header -csv job_history.db ".read sql/queue_wait_by_day.sql"
--           (to set one, before it: -cmd ".parameter init" -cmd ".parameter set :package_id 434")
-- psql:     psql -v since=null -v until=null -v package_id=434 -f sql/queue_wait_by_day.sql
-- mariadb:  sed 's/:since/null/g; s/:until/null/g; s/:package_id/434/g' sql/queue_wait_by_day.sql | mariadb

with
inputs as (
    select
        run_date as day,
        queue_seconds as seconds
    from jobs
    where
        queue_seconds is not null
        and (:since is null or run_date >= :since)
        and (:until is null or run_date < :until)
        and (:package_id is null or package_id = :package_id)
),

ranked as (
    select
        day,
        seconds,
        20 * row_number() over (partition by day order by seconds) as place,
        10 * count(*) over (partition by day) + 10 as p50_place,
        19 * count(*) over (partition by day) + 1 as p95_place
    from inputs
),

final as (
    select
        day,
        count(*) as runs,
        sum(
            seconds * case when abs(place - p50_place) < 20 then 20 - abs(place - p50_place) else 0 end
        ) / 20.0 as p50_seconds,
        sum(
            seconds * case when abs(place - p95_place) < 20 then 20 - abs(place - p95_place) else 0 end
        ) / 20.0 as p95_seconds
    from ranked
    group by day
)

select
    day,
    runs,
    p50_seconds,
    p95_seconds
from final
order by day;
