-- How long did each package take, week by week?
--
-- grain: one row per account, package and week with completed runs; the week is the Monday of the
--   UTC date of the start; the newest first
-- columns: account_id, package_id, package_name (of its latest run), week, runs, p50_seconds,
--   p95_seconds, max_seconds
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A runtime counts if it is 0 to 1000000000 seconds (31 years); any other is ignored.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
completed as ( -- in two parts, so that a first day is looked up in the index
    select
        account_id,
        package_id,
        run_date,
        runtime_in_seconds
    from jobs
    where
        status = 'completed'
        and run_date >= :since
    union all
    select
        account_id,
        package_id,
        run_date,
        runtime_in_seconds
    from jobs
    where
        status = 'completed'
        and cast(:since as char) is null
),

inputs as (
    select
        completed.account_id,
        completed.package_id,
        calendar.week,
        case
            when completed.runtime_in_seconds between 0 and 1000000000
                then completed.runtime_in_seconds
        end as seconds
    from completed
    left join calendar on completed.run_date = calendar.day
    where
        (completed.account_id = :account_id or cast(:account_id as char) is null)
        and (completed.package_id = :package_id or cast(:package_id as char) is null)
        and (completed.run_date < :until or cast(:until as char) is null)
),

numbered as ( -- by ntile, which SQLite finds in one pass with the rest, unlike row_number
    select
        account_id,
        package_id,
        week,
        seconds,
        ntile(1000000000) over (
            partition by week, package_id, account_id, case when seconds is null then 1 else 0 end
            order by seconds
        ) as place,
        count(*) over (
            partition by week, package_id, account_id, case when seconds is null then 1 else 0 end
            order by seconds rows between current row and unbounded following
        ) as rest
    from inputs
),

sized as ( -- runs without a runtime are a part of their own
    select
        account_id,
        package_id,
        week,
        seconds,
        20 * place as place,
        place + rest - 1 as runs,
        rest,
        10 * (place + rest - 1) + 10 as p50_place,
        19 * (place + rest - 1) + 1 as p95_place
    from numbered
),

percentiles as ( -- of the runs beside each percentile, and of the last
    select
        account_id,
        package_id,
        week,
        sum(case when rest = 1 then runs else 0 end) as runs,
        sum(
            seconds
            * case when abs(place - p50_place) < 20 then 20 - abs(place - p50_place) else 0 end
        ) / 20.0 as p50_seconds,
        sum(
            seconds
            * case when abs(place - p95_place) < 20 then 20 - abs(place - p95_place) else 0 end
        ) / 20.0 as p95_seconds,
        max(seconds) as max_seconds
    from sized
    where
        rest = 1
        or abs(place - p50_place) < 20
        or abs(place - p95_place) < 20
    group by week, package_id, account_id
),

final as (
    select
        percentiles.account_id,
        percentiles.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = percentiles.package_id
                and named.account_id = percentiles.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        percentiles.week,
        percentiles.runs,
        percentiles.p50_seconds,
        percentiles.p95_seconds,
        percentiles.max_seconds
    from percentiles
)

select
    account_id,
    package_id,
    package_name,
    week,
    runs,
    p50_seconds,
    p95_seconds,
    max_seconds
from final
order by
    week is null,
    week desc,
    account_id,
    package_id is null,
    package_id;
