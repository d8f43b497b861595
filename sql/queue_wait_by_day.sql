-- How long did jobs wait to start?
--
-- grain: a day with jobs that started; the day is the UTC date of the start
-- columns: day, runs, p50_seconds, p95_seconds (of the wait from created_at to started_at), split_runs
--   (those whose cluster tells since when it was there), cluster_p50_seconds, cluster_p95_seconds (of
--   the part in which the cluster was not there yet), queue_p50_seconds, queue_p95_seconds (of the
--   rest)
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
        queue_seconds as seconds,
        cluster_wait_seconds as cluster_seconds,
        queue_seconds - cluster_wait_seconds as rest_seconds
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
        cluster_seconds,
        rest_seconds,
        20 * count(seconds) over (
            partition by day order by seconds
            rows between unbounded preceding and current row
        ) as wait_place,
        20 * count(cluster_seconds) over (
            partition by day order by cluster_seconds
            rows between unbounded preceding and current row
        ) as cluster_place,
        20 * count(rest_seconds) over (
            partition by day order by rest_seconds
            rows between unbounded preceding and current row
        ) as rest_place,
        count(*) over (partition by day) as runs,
        count(cluster_seconds) over (partition by day) as split_runs
    from inputs
),

final as (
    select
        day,
        count(*) as runs,
        sum(
            seconds * case when abs(wait_place - (10 * runs + 10)) < 20 then 20 - abs(wait_place - (10 * runs + 10)) else 0 end
        ) / 20.0 as p50_seconds,
        sum(
            seconds * case when abs(wait_place - (19 * runs + 1)) < 20 then 20 - abs(wait_place - (19 * runs + 1)) else 0 end
        ) / 20.0 as p95_seconds,
        count(cluster_seconds) as split_runs,
        sum(
            cluster_seconds * case when abs(cluster_place - (10 * split_runs + 10)) < 20 then 20 - abs(cluster_place - (10 * split_runs + 10)) else 0 end
        ) / 20.0 as cluster_p50_seconds,
        sum(
            cluster_seconds * case when abs(cluster_place - (19 * split_runs + 1)) < 20 then 20 - abs(cluster_place - (19 * split_runs + 1)) else 0 end
        ) / 20.0 as cluster_p95_seconds,
        sum(
            rest_seconds * case when abs(rest_place - (10 * split_runs + 10)) < 20 then 20 - abs(rest_place - (10 * split_runs + 10)) else 0 end
        ) / 20.0 as queue_p50_seconds,
        sum(
            rest_seconds * case when abs(rest_place - (19 * split_runs + 1)) < 20 then 20 - abs(rest_place - (19 * split_runs + 1)) else 0 end
        ) / 20.0 as queue_p95_seconds
    from ranked
    group by day
)

select
    day,
    runs,
    p50_seconds,
    p95_seconds,
    split_runs,
    cluster_p50_seconds,
    cluster_p95_seconds,
    queue_p50_seconds,
    queue_p95_seconds
from final
order by
    day is null,
    day;
