-- What did the runs of this tool do, and how far behind is the history?
--
-- grain: one row per run of sync, in order; since and until filter by the UTC day on which it
--   began, package_id is not used
-- columns: account_id, snapshot_id, kind, status, started_at, seconds, jobs_seen, jobs_inserted,
--   jobs_changed, jobs_rejected, requests, credits_spent, credits_remaining, lag_seconds (from the
--   watermark to the end of the run: how far it was behind the API), error
--
-- Seconds count if they are 0 to 1000000000 (31 years), since clocks can be set. The watermark is
-- the last one before the end of the run; the lag is 0 if the host's clock is behind the server's.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
inputs as (
    select
        snapshots.id,
        snapshots.account_id,
        snapshots.kind,
        snapshots.status,
        snapshots.started_at,
        snapshots.jobs_seen,
        snapshots.jobs_inserted,
        snapshots.jobs_changed,
        snapshots.jobs_rejected,
        snapshots.requests,
        snapshots.credits_spent,
        snapshots.credits_remaining,
        snapshots.error,
        snapshots.started_epoch,
        snapshots.finished_epoch,
        calendar.day,
        max(case when snapshots.watermark_epoch is not null then snapshots.id end) over (
            partition by snapshots.account_id order by snapshots.id
            rows between unbounded preceding and current row
        ) as marked_id
    from snapshots
    left join calendar
        on snapshots.started_epoch - snapshots.started_epoch % 86400 = calendar.epoch
),

spans as (
    select
        inputs.id,
        inputs.day,
        inputs.account_id,
        inputs.kind,
        inputs.status,
        inputs.started_at,
        inputs.jobs_seen,
        inputs.jobs_inserted,
        inputs.jobs_changed,
        inputs.jobs_rejected,
        inputs.requests,
        inputs.credits_spent,
        inputs.credits_remaining,
        inputs.error,
        inputs.finished_epoch - inputs.started_epoch as span,
        inputs.finished_epoch - marked.watermark_epoch as lag_span
    from inputs
    left join snapshots as marked on inputs.marked_id = marked.id
),

final as (
    select
        account_id,
        id as snapshot_id,
        kind,
        status,
        started_at,
        case when span between 0 and 1000000000 then span end as seconds,
        jobs_seen,
        jobs_inserted,
        jobs_changed,
        jobs_rejected,
        requests,
        credits_spent,
        credits_remaining,
        case
            when lag_span < 0 then 0
            when lag_span <= 1000000000 then lag_span
        end as lag_seconds,
        error
    from spans
    where
        (account_id = :account_id or cast(:account_id as char) is null)
        and (day >= :since or cast(:since as char) is null)
        and (day < :until or cast(:until as char) is null)
)

select
    account_id,
    snapshot_id,
    kind,
    status,
    started_at,
    seconds,
    jobs_seen,
    jobs_inserted,
    jobs_changed,
    jobs_rejected,
    requests,
    credits_spent,
    credits_remaining,
    lag_seconds,
    error
from final
order by snapshot_id;
