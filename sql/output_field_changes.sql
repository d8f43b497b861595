-- When did the fields of an output change?
--
-- grain: one row per field of an output that differs from the completed job before
-- columns: account_id, package_id, component_name, output_name, job_id (the first job with the
--   change), changed_at (when it finished), field, change (added, removed or moved to another
--   position), position (null if removed), previous_position (null if added), previous_job_id
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
inputs as (
    select
        fields_digest,
        min(id) as output_id
    from job_outputs
    group by fields_digest
),

layouts as ( -- a digest covers the package, but not the account
    select
        inputs.fields_digest,
        count(*) over (
            partition by jobs.package_id, job_outputs.component_name, job_outputs.name
        ) as layouts
    from inputs
    inner join job_outputs on inputs.output_id = job_outputs.id
    inner join jobs on job_outputs.job_id = jobs.id
    where jobs.package_id = :package_id or cast(:package_id as char) is null
),

outputs as (
    select
        job_outputs.id as output_id,
        jobs.id as job_id,
        jobs.account_id,
        jobs.package_id,
        job_outputs.component_name,
        job_outputs.name as output_name,
        job_outputs.fields_digest,
        jobs.run_date,
        jobs.finished_at,
        coalesce(jobs.finished_epoch, 0) as finished_epoch,
        row_number() over (
            partition by jobs.id, job_outputs.component_name, job_outputs.name
            order by job_outputs.id
        ) as place
    from layouts
    inner join job_outputs on layouts.fields_digest = job_outputs.fields_digest
    inner join jobs on job_outputs.job_id = jobs.id
    where
        layouts.layouts > 1
        and jobs.status = 'completed'
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
),

digests as ( -- a job may have two outputs with the same name
    select
        output_id,
        job_id,
        account_id,
        package_id,
        component_name,
        output_name,
        fields_digest,
        run_date,
        finished_at,
        finished_epoch
    from outputs
    where place = 1
),

followed as (
    select
        output_id,
        job_id,
        account_id,
        package_id,
        component_name,
        output_name,
        fields_digest,
        run_date,
        finished_at,
        finished_epoch,
        lag(job_id) over (
            partition by package_id, account_id, component_name, output_name
            order by finished_epoch, job_id
        ) as previous_job_id,
        lag(output_id) over (
            partition by package_id, account_id, component_name, output_name
            order by finished_epoch, job_id
        ) as previous_output_id,
        lag(fields_digest) over (
            partition by package_id, account_id, component_name, output_name
            order by finished_epoch, job_id
        ) as previous_digest
    from digests
),

pairs as (
    select
        output_id,
        job_id,
        account_id,
        package_id,
        component_name,
        output_name,
        finished_at,
        finished_epoch,
        previous_job_id,
        previous_output_id
    from followed
    where
        fields_digest <> previous_digest
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

fields_now as ( -- an output may have a name twice
    select
        pairs.output_id,
        output_fields.name,
        output_fields.position,
        row_number() over (
            partition by pairs.output_id, output_fields.name order by output_fields.position
        ) as occurrence
    from pairs
    inner join output_fields on pairs.output_id = output_fields.output_id
),

fields_before as (
    select
        pairs.output_id,
        output_fields.name,
        output_fields.position,
        row_number() over (
            partition by pairs.output_id, output_fields.name order by output_fields.position
        ) as occurrence
    from pairs
    inner join output_fields on pairs.previous_output_id = output_fields.output_id
),

changes as (
    select
        fields_now.output_id,
        fields_now.name as field,
        case when fields_before.position is null then 'added' else 'moved' end as kind,
        fields_now.position,
        fields_before.position as previous_position
    from fields_now
    left join fields_before
        on
            fields_now.output_id = fields_before.output_id
            and fields_now.name = fields_before.name
            and fields_now.occurrence = fields_before.occurrence
    where fields_before.position is null or fields_before.position <> fields_now.position
    union all
    select
        fields_before.output_id,
        fields_before.name as field,
        'removed' as kind,
        fields_now.position,
        fields_before.position as previous_position
    from fields_before
    left join fields_now
        on
            fields_before.output_id = fields_now.output_id
            and fields_before.name = fields_now.name
            and fields_before.occurrence = fields_now.occurrence
    where fields_now.position is null
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
        changes.kind,
        changes.position,
        changes.previous_position,
        pairs.previous_job_id,
        pairs.finished_epoch,
        pairs.output_id
    from pairs
    inner join changes on pairs.output_id = changes.output_id
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
    finished_epoch,
    job_id,
    output_id,
    coalesce(position, previous_position),
    position is not null;
