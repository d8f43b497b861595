-- Which packages have been slower since some day?
--
-- grain: one row per account and package that takes longer from some day on, the worst first
-- columns: account_id, package_id, package_name (of its latest run), since (the first slow day),
--   ratio (of the two that follow), p50_seconds (the median of the days from then on),
--   before_seconds (of the days before), days (with runs, from then on), before_days
--
-- Compared are the medians of the days with completed runs. The day is where the days' variance
-- within the two parts is least, with at least 5 days in each; of days that differ by less than a
-- billionth in that, the first. For this the highest and the lowest 5 % of the days (at least one
-- on each side) are cut down to the next ones, so that a few outliers do not count.
--
-- Slower means that the median after is 1.5 times the one before, at least 3 median absolute
-- deviations above it, and above the 90th percentile of the days before (the day at that place, or
-- the one below).
--
-- Medians are kept doubled at each step (the sum of the two middle values, or twice the middle
-- one), so that all but the variance is in whole numbers, the same on every engine.
--
-- A runtime counts if it is 0 to 1000000000 seconds (31 years); any other is ignored.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
first_day as (
    select coalesce(:since, min(run_date)) as day
    from jobs
    where status = 'completed'
),

inputs as ( -- in the order of the index, so that SQLite does not sort them
    select
        account_id,
        package_id,
        run_date as day,
        runtime_in_seconds as seconds,
        percent_rank() over (
            partition by run_date, package_id, account_id order by runtime_in_seconds
        ) as rank_share
    from jobs
    where
        status = 'completed'
        and run_date >= (select first_day.day from first_day)
        and runtime_in_seconds between 0 and 1000000000
        and package_id is not null
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

middles as ( -- the values on both sides of the middle, and the number of those up to it
    select
        account_id,
        package_id,
        day,
        count(*) as runs,
        count(case when rank_share <= 0.5e0 then seconds end) as low_runs,
        max(case when rank_share <= 0.5e0 then seconds end) as low,
        min(case when rank_share > 0.5e0 then seconds end) as high
    from inputs
    group by day, package_id, account_id
),

days as ( -- twice the median of each
    select
        account_id,
        package_id,
        day,
        low + case when 2 * low_runs > runs then low else high end as twice
    from middles
),

numbered as (
    select
        account_id,
        package_id,
        day,
        twice,
        row_number() over (partition by package_id, account_id order by day) as number,
        row_number() over (partition by package_id, account_id order by twice) as place,
        count(*) over (partition by package_id, account_id) as days
    from days
),

edges as ( -- 5 % of the days, in twentieths of a day
    select
        account_id,
        package_id,
        day,
        twice,
        number,
        place,
        days,
        case when days < 40 then 20 else days - days % 20 end as edge
    from numbered
    where days >= 10
),

bounds as ( -- sums of one value each: some engines take long for a maximum over all rows
    select
        account_id,
        package_id,
        day,
        twice,
        number,
        days,
        sum(case when 20 * place = edge + 20 then twice else 0 end) over (
            partition by package_id, account_id
        ) as least,
        sum(case when 20 * place = 20 * days - edge then twice else 0 end) over (
            partition by package_id, account_id
        ) as most
    from edges
),

clipped as (
    select
        account_id,
        package_id,
        day,
        twice,
        number,
        days,
        case when twice < least then least when twice > most then most else twice end as value
    from bounds
),

sums as (
    select
        account_id,
        package_id,
        day,
        twice,
        number,
        days,
        sum(value) over (
            partition by package_id, account_id order by number
            rows between unbounded preceding and current row
        ) as upto,
        sum(value) over (partition by package_id, account_id) as whole
    from clipped
),

splits as ( -- the variance between the parts: of those up to this day, and of those after it
    select
        account_id,
        package_id,
        day,
        twice,
        number,
        days,
        case
            when number between 5 and days - 5
                then
                    (days * upto - number * whole) * 1e0 * (days * upto - number * whole)
                    / (number * (days - number))
        end as separation
    from sums
),

greatest_splits as (
    select
        account_id,
        package_id,
        day,
        twice,
        number,
        days,
        separation,
        max(separation) over (
            partition by package_id, account_id order by separation desc
            rows between unbounded preceding and current row
        ) as greatest_one
    from splits
),

change_points as (
    select
        account_id,
        package_id,
        day,
        twice,
        number,
        days,
        first_value(number) over (
            partition by package_id, account_id
            order by
                case when separation >= 0.999999999 * greatest_one then 0 else 1 end, number
        ) as before_days
    from greatest_splits
),

parts as (
    select
        account_id,
        package_id,
        day,
        twice,
        days,
        before_days,
        case when number > before_days then 1 else 0 end as is_after
    from change_points
),

placed as (
    select
        account_id,
        package_id,
        day,
        twice,
        days,
        before_days,
        is_after,
        row_number() over (
            partition by package_id, account_id, is_after order by twice
        ) as place,
        case when is_after = 1 then days - before_days else before_days end + 1 as middle
    from parts
),

weighted as (
    select
        account_id,
        package_id,
        day,
        twice,
        days,
        before_days,
        is_after,
        case when abs(2 * place - middle) < 2 then 2 - abs(2 * place - middle) else 0 end as weight,
        case
            when
                10 * (place - 1) <= 9 * (before_days - 1)
                and 9 * (before_days - 1) < 10 * place then 1
            else 0
        end as is_high
    from placed
),

medians as ( -- four times the medians
    select
        account_id,
        package_id,
        day,
        twice,
        days,
        before_days,
        is_after,
        sum(case when is_after = 1 then weight * twice else 0 end) over (
            partition by package_id, account_id
        ) as after_fourfold,
        sum(case when is_after = 0 then weight * twice else 0 end) over (
            partition by package_id, account_id
        ) as before_fourfold,
        sum(case when is_after = 0 and is_high = 1 then twice else 0 end) over (
            partition by package_id, account_id
        ) as high_twice
    from weighted
),

deviations as ( -- of the packages that are slower
    select
        account_id,
        package_id,
        day,
        days,
        before_days,
        is_after,
        after_fourfold,
        before_fourfold,
        abs(2 * twice - before_fourfold) as deviation
    from medians
    where
        before_fourfold > 0
        and 2 * after_fourfold >= 3 * before_fourfold
        and after_fourfold > 2 * high_twice
),

placed_deviations as (
    select
        account_id,
        package_id,
        day,
        days,
        before_days,
        is_after,
        after_fourfold,
        before_fourfold,
        deviation,
        2 * row_number() over (
            partition by package_id, account_id, is_after order by deviation
        ) as place,
        before_days + 1 as middle
    from deviations
),

spreads as ( -- eight times the median absolute deviation
    select
        account_id,
        package_id,
        days,
        before_days,
        after_fourfold,
        before_fourfold,
        min(case when is_after = 1 then day end) as since,
        sum(
            case
                when is_after = 0 and abs(place - middle) < 2
                    then deviation * (2 - abs(place - middle))
                else 0
            end
        ) as eightfold
    from placed_deviations
    group by package_id, account_id, days, before_days, after_fourfold, before_fourfold
),

final as (
    select
        spreads.account_id,
        spreads.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = spreads.package_id
                and named.account_id = spreads.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        spreads.since,
        round(spreads.after_fourfold * 1e0 / nullif(spreads.before_fourfold, 0), 6) as ratio,
        spreads.after_fourfold / 4.0 as p50_seconds,
        spreads.before_fourfold / 4.0 as before_seconds,
        spreads.days - spreads.before_days as days,
        spreads.before_days
    from spreads
    where 2 * (spreads.after_fourfold - spreads.before_fourfold) >= 3 * spreads.eightfold
)

select
    account_id,
    package_id,
    package_name,
    since,
    ratio,
    p50_seconds,
    before_seconds,
    days,
    before_days
from final
order by
    ratio desc,
    account_id,
    package_id;
