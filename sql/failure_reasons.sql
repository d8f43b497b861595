-- Why did jobs fail?
--
-- grain: one row per account and reason of failed jobs, the most frequent first
-- columns: account_id, reason (the error without ids, numbers, dates and paths; null if there was
--   none), failures, packages (how many), first_seen, last_seen (when the first and the last such
--   job finished), last_job_id, summary (the error in the API's summary of that job's log; null if
--   sync --log-summaries has stored none)
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
inputs as (
    select
        id,
        account_id,
        package_id,
        error_fingerprint as reason,
        finished_at
    from jobs
    where
        status = 'failed'
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

reasons as (
    select
        account_id,
        reason,
        count(*) as failures,
        count(distinct package_id) as packages,
        min(finished_at) as first_seen,
        max(finished_at) as last_seen,
        max(id) as last_job_id
    from inputs
    group by account_id, reason
),

final as (
    select
        reasons.account_id,
        reasons.reason,
        reasons.failures,
        reasons.packages,
        reasons.first_seen,
        reasons.last_seen,
        reasons.last_job_id,
        log_summaries.error_summary as summary
    from reasons
    inner join jobs on reasons.last_job_id = jobs.id
    left join log_summaries
        on
            jobs.id = log_summaries.job_id
            -- the job may have failed again since
            and coalesce(jobs.finished_epoch, 0) = coalesce(log_summaries.finished_epoch, 0)
)

select
    account_id,
    reason,
    failures,
    packages,
    first_seen,
    last_seen,
    last_job_id,
    summary
from final
order by
    failures desc,
    last_job_id desc;
