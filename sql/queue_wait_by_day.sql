-- How long did jobs wait to start?
--
-- grain: one row per day with jobs that started; the day is the UTC date of the start; the
--   newest first
-- columns: day, runs, p50_seconds, p95_seconds (of the wait from created_at to started_at),
--   split_runs (runs for which it is known when the cluster was ready), cluster_p50_seconds,
--   cluster_p95_seconds (of the part of the wait before the cluster was ready), queue_p50_seconds,
--   queue_p95_seconds (of the rest)
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A wait counts if it is 0 to 1000000000 seconds (31 years).
--
-- parameters (null: no filter): :since (first day), :until (day after the last), :package_id
-- sqlite3:  sqlite3 -header -csv job_history.db ".read sql/queue_wait_by_day.sql"
--           (to set one, before it: -cmd ".parameter init" -cmd ".parameter set :package_id 434")
-- psql:     psql -v since=null -v until=null -v package_id=434 -f sql/queue_wait_by_day.sql
-- mariadb:  sed 's/:since/null/g; s/:until/null/g; s/:package_id/434/g' \
--           sql/queue_wait_by_day.sql | mariadb

with
inputs as ( -- many waits are equal, so they are counted first
    select
        run_date as day,
        queue_seconds,
        cluster_wait_seconds,
        count(*) as jobs
    from jobs
    where
        queue_seconds between 0 and 1000000000
        and (:since is null or run_date >= :since)
        and (:until is null or run_date < :until)
        and (:package_id is null or package_id = :package_id)
    group by run_date, queue_seconds, cluster_wait_seconds
),

waits as (
    select
        day,
        'whole' as part,
        queue_seconds as seconds,
        jobs
    from inputs
    union all
    select
        day,
        'cluster' as part,
        cluster_wait_seconds as seconds,
        jobs
    from inputs
    where cluster_wait_seconds is not null
    union all
    select
        day,
        'queue' as part,
        queue_seconds - cluster_wait_seconds as seconds,
        jobs
    from inputs
    where cluster_wait_seconds is not null
),

ranked as (
    select
        day,
        part,
        seconds,
        jobs,
        sum(jobs) over (
            partition by day, part order by seconds
            rows between unbounded preceding and current row
        ) as upto,
        10 * sum(jobs) over (partition by day, part) + 10 as p50_place,
        19 * sum(jobs) over (partition by day, part) + 1 as p95_place
    from waits
),

places as ( -- whole places and the twentieths beyond
    select
        day,
        part,
        seconds,
        jobs,
        20 * (upto - jobs) as first_after,
        20 * upto as last_at,
        p50_place - p50_place % 20 as p50_whole,
        p50_place % 20 as p50_rest,
        p95_place - p95_place % 20 as p95_whole,
        p95_place % 20 as p95_rest
    from ranked
),

parts as (
    select
        day,
        part,
        sum(jobs) as runs,
        sum(
            seconds * (
                case
                    when first_after < p50_whole and p50_whole <= last_at then 20 - p50_rest
                    else 0
                end
                + case
                    when first_after <= p50_whole and p50_whole < last_at then p50_rest
                    else 0
                end
            )
        ) / 20.0 as p50_seconds,
        sum(
            seconds * (
                case
                    when first_after < p95_whole and p95_whole <= last_at then 20 - p95_rest
                    else 0
                end
                + case
                    when first_after <= p95_whole and p95_whole < last_at then p95_rest
                    else 0
                end
            )
        ) / 20.0 as p95_seconds
    from places
    group by day, part
),

final as (
    select
        day,
        max(case when part = 'whole' then runs end) as runs,
        max(case when part = 'whole' then p50_seconds end) as p50_seconds,
        max(case when part = 'whole' then p95_seconds end) as p95_seconds,
        coalesce(max(case when part = 'cluster' then runs end), 0) as split_runs,
        max(case when part = 'cluster' then p50_seconds end) as cluster_p50_seconds,
        max(case when part = 'cluster' then p95_seconds end) as cluster_p95_seconds,
        max(case when part = 'queue' then p50_seconds end) as queue_p50_seconds,
        max(case when part = 'queue' then p95_seconds end) as queue_p95_seconds
    from parts
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
    day desc;
