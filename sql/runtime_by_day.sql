-- How long did each package take, day by day?
--
-- grain: one row per account, package and day with completed runs; the day is the UTC date of the
--   start; the newest first
-- columns: account_id, package_id, package_name (of its latest run), day, runs, p50_seconds,
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
        completed.run_date as day,
        case
            when completed.runtime_in_seconds between 0 and 1000000000
                then completed.runtime_in_seconds
        end as seconds
    from completed
    where
        (completed.account_id = :account_id or cast(:account_id as char) is null)
        and (completed.package_id = :package_id or cast(:package_id as char) is null)
        and (completed.run_date < :until or cast(:until as char) is null)
),

ranked as ( -- runs without a runtime are a part of their own
    select
        account_id,
        package_id,
        day,
        seconds,
        percent_rank() over (
            partition by day, package_id, account_id, case when seconds is null then 1 else 0 end
            order by seconds
        ) as rank_share
    from inputs
),

beside as ( -- the values on both sides of each percentile, and the number of those up to it
    select
        account_id,
        package_id,
        day,
        count(*) as runs,
        10 * count(seconds) + 10 as p50_place,
        count(case when rank_share <= 0.5e0 then seconds end) as p50_count,
        max(case when rank_share <= 0.5e0 then seconds end) as p50_low,
        min(case when rank_share > 0.5e0 then seconds end) as p50_high,
        19 * count(seconds) + 1 as p95_place,
        count(case when rank_share <= 0.95e0 then seconds end) as p95_count,
        max(case when rank_share <= 0.95e0 then seconds end) as p95_low,
        min(case when rank_share > 0.95e0 then seconds end) as p95_high,
        max(seconds) as max_seconds
    from ranked
    group by day, package_id, account_id
),

final as (
    select
        beside.account_id,
        beside.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = beside.package_id
                and named.account_id = beside.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        day,
        runs,
        (
            20 * p50_low
            + (coalesce(p50_high, p50_low) - p50_low)
            * case when p50_place > 20 * p50_count then p50_place - 20 * p50_count else 0 end
        ) / 20.0 as p50_seconds,
        (
            20 * p95_low
            + (coalesce(p95_high, p95_low) - p95_low)
            * case when p95_place > 20 * p95_count then p95_place - 20 * p95_count else 0 end
        ) / 20.0 as p95_seconds,
        max_seconds
    from beside
)

select
    account_id,
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
    account_id,
    package_id is null,
    package_id;
