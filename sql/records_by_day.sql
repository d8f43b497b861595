-- How much did each output write, and when nothing or an unusual amount?
--
-- grain: one row per account, package, output name and day with completed runs, the newest first
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
uncounted as ( -- accounts whose outputs are not in output_days, as during a first load
    select account_id
    from accounts
    where output_days_since is null
),

written as (
    select
        jobs.account_id,
        jobs.package_id,
        jobs.run_date,
        job_outputs.id,
        job_outputs.job_id,
        job_outputs.name,
        case
            when job_outputs.records_count between 0 and 10000000000000000
                then job_outputs.records_count
        end as records
    from jobs
    inner join job_outputs on jobs.id = job_outputs.job_id
    where
        jobs.status = 'completed'
        and (select count(*) from uncounted) > 0 -- else no engine reads the outputs
        and jobs.account_id in (select uncounted.account_id from uncounted)
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
        and (jobs.package_id = :package_id or cast(:package_id as char) is null)
        and (jobs.run_date >= :since or cast(:since as char) is null)
        and (jobs.run_date < :until or cast(:until as char) is null)
),

counted as ( -- billions and the rest are summed separately: a sum of SQLite has 64 bits
    select
        account_id,
        package_id,
        name as output_name,
        run_date as day,
        runs,
        zero_runs,
        cast(billions as decimal(38)) as billions,
        rest,
        first_output_id
    from output_days
    where
        account_id not in (select uncounted.account_id from uncounted)
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
    union all
    select
        account_id,
        package_id,
        name as output_name,
        run_date as day,
        count(distinct job_id) as runs, -- a job may have two outputs with the same name
        count(distinct case when records is not null then job_id end)
        - count(distinct case when records <> 0 then job_id end) as zero_runs,
        sum(cast((records - records % 1000000000) / 1000000000 as decimal(38))) as billions,
        sum(records % 1000000000) as rest,
        min(id) as first_output_id
    from written
    group by package_id, account_id, name, run_date
),

days as (
    select
        account_id,
        package_id,
        output_name,
        day,
        runs,
        zero_runs,
        billions * 1000000000 + rest as records,
        first_output_id
    from counted
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
    day is null,
    day desc,
    account_id,
    package_id is null,
    package_id,
    first_output_id;
