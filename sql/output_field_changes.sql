-- When did the fields of an output change?
--
-- grain: one row per field of an output that differs from the completed job before, the newest
--   first
-- columns: account_id, package_id, component_name, output_name, job_id (the first job with the
--   change), changed_at (when it finished), field, change (added, removed or moved to another
--   position), position (null if removed), previous_position (null if added), previous_job_id
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
layouts as (
    select
        fields_digest,
        min(id) as output_id
    from job_outputs
    where fields_digest is not null
    group by fields_digest
),

counted as ( -- a digest covers the package, but not the account
    select
        layouts.fields_digest,
        jobs.package_id,
        count(*) over (
            partition by jobs.package_id, job_outputs.component_name, job_outputs.name
        ) as layouts
    from layouts
    inner join job_outputs on layouts.output_id = job_outputs.id
    inner join jobs on job_outputs.job_id = jobs.id
    where jobs.package_id = :package_id or cast(:package_id as char) is null
),

changing as (
    select
        fields_digest,
        package_id
    from counted
    where layouts > 1
),

repeated as ( -- a job may have two outputs with the same name
    select
        job_id,
        name,
        component_name,
        min(id) as first_output_id
    from job_outputs
    where fields_digest is not null
    group by job_id, name, component_name
    having count(*) > 1
),

repeats as (
    select job_outputs.id as output_id
    from repeated
    inner join job_outputs
        on repeated.job_id = job_outputs.job_id and repeated.first_output_id < job_outputs.id
    where
        (
            repeated.name = job_outputs.name
            or (repeated.name is null and job_outputs.name is null)
        )
        and (
            repeated.component_name = job_outputs.component_name
            or (repeated.component_name is null and job_outputs.component_name is null)
        )
),

followed as (
    select
        job_outputs.id as output_id,
        jobs.id as job_id,
        jobs.account_id,
        jobs.package_id,
        job_outputs.component_name,
        job_outputs.name as output_name,
        job_outputs.fields_digest,
        jobs.run_date,
        coalesce(jobs.finished_epoch, 0) as finished_epoch,
        lag(jobs.id) over (
            partition by
                jobs.package_id, jobs.account_id, job_outputs.component_name, job_outputs.name
            order by coalesce(jobs.finished_epoch, 0), jobs.id
        ) as previous_job_id,
        lag(job_outputs.id) over (
            partition by
                jobs.package_id, jobs.account_id, job_outputs.component_name, job_outputs.name
            order by coalesce(jobs.finished_epoch, 0), jobs.id
        ) as previous_output_id,
        lag(job_outputs.fields_digest) over (
            partition by
                jobs.package_id, jobs.account_id, job_outputs.component_name, job_outputs.name
            order by coalesce(jobs.finished_epoch, 0), jobs.id
        ) as previous_digest
    from jobs
    inner join job_outputs on jobs.id = job_outputs.job_id
    where
        exists (select 1 from changing) -- else none of the rest is read
        and jobs.status = 'completed'
        and (
            jobs.package_id in (select changing.package_id from changing)
            or jobs.package_id is null
        )
        and job_outputs.fields_digest in (select changing.fields_digest from changing)
        and job_outputs.id not in (select repeats.output_id from repeats)
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
),

pairs as (
    select
        followed.output_id,
        followed.job_id,
        followed.account_id,
        followed.package_id,
        followed.component_name,
        followed.output_name,
        -- looked up for these jobs alone: the index that the others are read from lacks it
        (select jobs.finished_at from jobs where jobs.id = followed.job_id) as finished_at,
        followed.finished_epoch,
        followed.previous_job_id,
        followed.previous_output_id
    from followed
    where
        followed.fields_digest <> followed.previous_digest
        and (followed.run_date >= :since or cast(:since as char) is null)
        and (followed.run_date < :until or cast(:until as char) is null)
),

sides as (
    select 1 as is_new
    union all
    select 0 as is_new
),

compared as ( -- an output may have a name twice
    select
        pairs.output_id,
        sides.is_new,
        output_fields.name,
        output_fields.position,
        row_number() over (
            partition by pairs.output_id, sides.is_new, output_fields.name
            order by output_fields.position
        ) as occurrence
    from pairs
    cross join sides
    inner join output_fields
        on
            case when sides.is_new = 1 then pairs.output_id else pairs.previous_output_id end
            = output_fields.output_id
),

changes as (
    select
        output_id,
        name as field,
        max(case when is_new = 1 then position end) as position,
        max(case when is_new = 0 then position end) as previous_position
    from compared
    group by output_id, name, occurrence
    having count(*) < 2 or max(position) <> min(position)
),

final as (
    select
        pairs.account_id,
        pairs.package_id,
        pairs.component_name,
        pairs.output_name,
        pairs.job_id,
        pairs.finished_at as changed_at,
        changes.field,
        case
            when changes.previous_position is null then 'added'
            when changes.position is null then 'removed'
            else 'moved'
        end as kind,
        changes.position,
        changes.previous_position,
        pairs.previous_job_id,
        pairs.finished_epoch,
        pairs.output_id
    from changes -- each has its pair: a left join has SQLite look it up by an index
    left join pairs on changes.output_id = pairs.output_id
)

select
    account_id,
    package_id,
    component_name,
    output_name,
    job_id,
    changed_at,
    field,
    kind as "change",
    position,
    previous_position,
    previous_job_id
from final
order by
    finished_epoch desc,
    job_id desc,
    output_id,
    coalesce(position, previous_position),
    position is not null;
