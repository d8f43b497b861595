-- How much did each output write, and when nothing or an unusual amount?
--
-- grain: one row per account, package, output name and day with completed runs
-- columns: account_id, package_id, output_name, day, runs, records (null if no run has a number),
--   zero_runs, usual_records (the median of the days with the same weekday), weekday_days (how many
--   days those are), z_score (0.6745 times the distance from usual_records in median absolute
--   deviations, unusual beyond 3.5; null if all are equal)
--
-- A median is kept doubled until the last step (the sum of the two middle values, or twice the
-- middle one), so that everything is in whole numbers, the same on every engine.
--
-- An output's records count if they are 0 to 10000000000000000; any other number is ignored.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
inputs as (
    select
        account_id,
        id as job_id,
        package_id,
        run_date as day
    from jobs
    where
        status = 'completed'
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
    order by id -- as the outputs are stored, so that SQLite reads them in one pass
),

counted as (
    select
        id,
        job_id,
        name,
        case when records_count between 0 and 10000000000000000 then records_count end as records
    from job_outputs
),

written as ( -- billions and the rest are summed separately: a sum of SQLite has 64 bits
    select
        id,
        job_id,
        name,
        records,
        cast((records - records % 1000000000) / 1000000000 as decimal(38)) as billions,
        records % 1000000000 as rest
    from counted
),

days as ( -- a job may have two outputs with the same name
    select
        inputs.account_id,
        inputs.package_id,
        written.name as output_name,
        inputs.day,
        count(distinct inputs.job_id) as runs,
        sum(written.billions) * 1000000000 + sum(written.rest) as records,
        count(distinct case when written.records is not null then inputs.job_id end)
        - count(distinct case when written.records <> 0 then inputs.job_id end) as zero_runs,
        min(written.id) as first_output_id
    from inputs
    inner join written on inputs.job_id = written.job_id
    group by inputs.package_id, inputs.account_id, written.name, inputs.day
),

placed as (
    select
        days.account_id,
        days.package_id,
        days.output_name,
        days.day,
        days.runs,
        days.records,
        days.zero_runs,
        days.first_output_id,
        calendar.weekday,
        2 * count(days.records) over (
            partition by days.package_id, days.account_id, days.output_name, calendar.weekday
            order by days.records
            rows between unbounded preceding and current row
        ) as place,
        count(days.records) over (
            partition by days.package_id, days.account_id, days.output_name, calendar.weekday
        ) as weekday_days
    from days
    left join calendar on days.day = calendar.day
),

usual as (
    select
        account_id,
        package_id,
        output_name,
        day,
        runs,
        records,
        zero_runs,
        first_output_id,
        weekday,
        weekday_days,
        sum(
            records
            * case
                when abs(place - (weekday_days + 1)) < 2 then 2 - abs(place - (weekday_days + 1))
                else 0
            end
        ) over (partition by package_id, account_id, output_name, weekday) as twice
    from placed
),

deviations as (
    select
        account_id,
        package_id,
        output_name,
        day,
        runs,
        records,
        zero_runs,
        first_output_id,
        weekday,
        weekday_days,
        twice,
        2 * count(records) over (
            partition by package_id, account_id, output_name, weekday
            order by abs(2 * records - twice)
            rows between unbounded preceding and current row
        ) as deviation_place
    from usual
),

spreads as ( -- four times the median absolute deviation
    select
        account_id,
        package_id,
        output_name,
        day,
        runs,
        records,
        zero_runs,
        first_output_id,
        weekday_days,
        twice,
        sum(
            abs(2 * records - twice)
            * case
                when abs(deviation_place - (weekday_days + 1)) < 2
                    then 2 - abs(deviation_place - (weekday_days + 1))
                else 0
            end
        ) over (partition by package_id, account_id, output_name, weekday) as fourfold
    from deviations
),

final as (
    select
        account_id,
        package_id,
        output_name,
        day,
        runs,
        records,
        zero_runs,
        twice / 2.0 as usual_records,
        weekday_days,
        round(0.6745e0 * 2 * (2 * records - twice) / nullif(fourfold, 0), 6) as z_score,
        first_output_id
    from spreads
)

select
    account_id,
    package_id,
    output_name,
    day,
    runs,
    records,
    zero_runs,
    usual_records,
    weekday_days,
    z_score
from final
order by -- not by the output's name: engines sort text differently
    account_id,
    package_id is null,
    package_id,
    day is null,
    day,
    first_output_id;
