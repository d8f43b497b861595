-- How long did each package take, day by day?
--
-- grain: one row per package and day with completed runs; the day is the UTC date of the start;
--   the newest first
-- columns: package_id, package_name (of its latest run), day, runs, p50_seconds, p95_seconds,
--   max_seconds
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A runtime counts if it is 0 to 1000000000 seconds (31 years); any other is ignored.
--
-- parameters (null: no filter): :since (first day), :until (day after the last), :package_id
-- sqlite3:  sqlite3 -header -csv job_history.db ".read sql/runtime_by_day.sql"
--           (to set one, before it: -cmd ".parameter init" -cmd ".parameter set :package_id 434")
-- psql:     psql -v since=null -v until=null -v package_id=434 -f sql/runtime_by_day.sql
-- mariadb:  sed 's/:since/null/g; s/:until/null/g; s/:package_id/434/g' \
--           sql/runtime_by_day.sql | mariadb

with
inputs as (
    select
        package_id,
        run_date as day,
        case
            when runtime_in_seconds between 0 and 1000000000 then runtime_in_seconds
        end as seconds
    from jobs
    where
        status = 'completed'
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

ranked as (
    select
        package_id,
        day,
        seconds,
        20 * count(seconds) over (
            partition by package_id, day order by seconds
            rows between unbounded preceding and current row
        ) as place,
        10 * count(seconds) over (partition by package_id, day) + 10 as p50_place,
        19 * count(seconds) over (partition by package_id, day) + 1 as p95_place
    from inputs
),

days as (
    select
        package_id,
        day,
        count(*) as runs,
        sum(
            seconds
            * case when abs(place - p50_place) < 20 then 20 - abs(place - p50_place) else 0 end
        ) / 20.0 as p50_seconds,
        sum(
            seconds
            * case when abs(place - p95_place) < 20 then 20 - abs(place - p95_place) else 0 end
        ) / 20.0 as p95_seconds,
        max(seconds) as max_seconds
    from ranked
    group by package_id, day
),

final as (
    select
        days.package_id,
        names.package_name,
        days.day,
        days.runs,
        days.p50_seconds,
        days.p95_seconds,
        days.max_seconds
    from days
    left join names on days.package_id = names.package_id
)

select
    package_id,
    package_name,
    day,
    runs,
    p50_seconds,
    p95_seconds,
    max_seconds
from final
order by
    day is null,
    day desc,
    package_id is null,
    package_id;
