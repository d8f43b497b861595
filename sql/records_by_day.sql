-- How much did each output write, and when nothing?
--
-- grain: an output's name in a package and a day with completed runs
-- columns: package_id, output_name, day, runs, records (null where no run told), zero_runs
--
-- parameters, each null for all: :since (first day), :until (day after the last), :package_id
-- sqlite3:  sqlite3 -header -csv job_history.db ".read sql/records_by_day.sql"
--           (to set one, before it: -cmd ".parameter init" -cmd ".parameter set :package_id 434")
-- psql:     psql -v since=null -v until=null -v package_id=434 -f sql/records_by_day.sql
-- mariadb:  sed 's/:since/null/g; s/:until/null/g; s/:package_id/434/g' sql/records_by_day.sql | mariadb

with
inputs as (
    select
        id as job_id,
        package_id,
        run_date as day
    from jobs
    where
        status = 'completed'
        and (:since is null or run_date >= :since)
        and (:until is null or run_date < :until)
        and (:package_id is null or package_id = :package_id)
),

written as ( -- a job may have two outputs of one name
    select
        inputs.job_id,
        inputs.package_id,
        inputs.day,
        job_outputs.name as output_name,
        min(job_outputs.id) as output_id,
        sum(job_outputs.records_count) as records
    from inputs
    inner join job_outputs on inputs.job_id = job_outputs.job_id
    group by inputs.job_id, inputs.package_id, inputs.day, job_outputs.name
),

final as (
    select
        package_id,
        output_name,
        day,
        count(*) as runs,
        sum(records) as records,
        sum(case when records = 0 then 1 else 0 end) as zero_runs,
        min(output_id) as first_output_id
    from written
    group by package_id, output_name, day
)

select
    package_id,
    output_name,
    day,
    runs,
    records,
    zero_runs
from final
order by -- not by name: engines sort text differently
    package_id is null,
    package_id,
    day is null,
    day,
    first_output_id;
