-- How often do runs need a retry, and how many hours do the failed ones burn?
--
-- grain: one row per account, schedule and package whose jobs the schedule started and which have
--   ended; those that burn most hours first
-- columns: account_id, schedule_id, package_id, package_name (of its latest run), chains (a job and
--   its retries: each has more attempts than the one before), retried (chains with a retry),
--   first_attempt_successes, first_attempt_rate (of the chains, 0 to 1), eventual_successes,
--   eventual_rate, hours_burnt (of runtime, by failed jobs)
--
-- A runtime counts if it is 0 to 1000000000 seconds (31 years); any other is ignored.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
ended as (
    select
        account_id,
        creator_id,
        package_id,
        count(*) as jobs,
        min(coalesce(attempts, 0)) as least_attempts,
        max(coalesce(attempts, 0)) as most_attempts,
        sum(case when attempts > 0 then 1 else 0 end) as with_attempts,
        sum(
            case when coalesce(attempts, 0) = 0 and status = 'completed' then 1 else 0 end
        ) as without_attempts_completed,
        sum(case when status = 'completed' then 1 else 0 end) as completed,
        sum(
            case
                when status = 'failed' and runtime_in_seconds between 0 and 1000000000
                    then runtime_in_seconds
                else 0
            end
        ) as seconds_burnt
    from jobs
    where
        creator_type = 'Schedule'
        -- coalesce keeps the planner off the status index: most rows match
        and coalesce(status, '') in ('completed', 'failed', 'stopped')
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
    group by creator_id, package_id, account_id
),

inputs as ( -- of schedules with retries, each job beside the one before
    select
        account_id,
        creator_id,
        package_id,
        status,
        coalesce(attempts, 0) as attempts,
        lag(coalesce(attempts, 0)) over (
            partition by creator_id, package_id, account_id order by coalesce(created_epoch, 0), id
        ) as attempts_before,
        lag(status) over (
            partition by creator_id, package_id, account_id order by coalesce(created_epoch, 0), id
        ) as status_before
    from jobs
    where
        coalesce(creator_id, 0) in (
            select coalesce(creator_id, 0) from ended where most_attempts > least_attempts
        )
        and creator_type = 'Schedule'
        -- coalesce keeps the planner off the status index: most rows match
        and coalesce(status, '') in ('completed', 'failed', 'stopped')
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

counted as ( -- less the retries, which continue the chain of the job before
    select
        account_id,
        creator_id,
        package_id,
        jobs,
        with_attempts,
        without_attempts_completed,
        completed,
        seconds_burnt
    from ended
    union all
    select
        account_id,
        creator_id,
        package_id,
        -1 as jobs,
        case when attempts_before > 0 then -1 else 0 end as with_attempts,
        case
            when attempts = 0 and status = 'completed' then -1
            else 0
        end as without_attempts_completed,
        case when status_before = 'completed' then -1 else 0 end as completed,
        0 as seconds_burnt
    from inputs
    where attempts > attempts_before
),

schedules as ( -- a chain is counted by its first job, its success by its last one
    select
        account_id,
        creator_id as schedule_id,
        package_id,
        sum(jobs) as chains,
        sum(with_attempts) as retried,
        sum(without_attempts_completed) as first_attempt_successes,
        sum(completed) as eventual_successes,
        sum(seconds_burnt) as seconds_burnt
    from counted
    group by creator_id, package_id, account_id
),

final as (
    select
        schedules.account_id,
        schedules.schedule_id,
        schedules.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = schedules.package_id
                and named.account_id = schedules.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        schedules.chains,
        schedules.retried,
        schedules.first_attempt_successes,
        round(schedules.first_attempt_successes * 1e0 / schedules.chains, 6) as first_attempt_rate,
        schedules.eventual_successes,
        round(schedules.eventual_successes * 1e0 / schedules.chains, 6) as eventual_rate,
        round(coalesce(schedules.seconds_burnt, 0) * 1e0 / 3600, 6) as hours_burnt
    from schedules
)

select
    account_id,
    schedule_id,
    package_id,
    package_name,
    chains,
    retried,
    first_attempt_successes,
    first_attempt_rate,
    eventual_successes,
    eventual_rate,
    hours_burnt
from final
order by
    hours_burnt desc,
    account_id,
    schedule_id is null,
    schedule_id,
    package_id is null,
    package_id;
