-- What did the runs of this tool do, and how far behind is the history?
--
-- grain: a run of sync, in order; since and until hold for the UTC day it began, package_id is not
--   used
-- columns: snapshot_id, account_id, kind, status, started_at, seconds, jobs_seen, jobs_inserted,
--   jobs_changed, jobs_rejected, requests, credits_spent, credits_remaining, lag_seconds (from the
--   watermark to the end of the run: how far it was behind the API), error
--
-- parameters, each null for all: :since (first day), :until (day after the last), :package_id
-- sqlite3:  sqlite3 -header -csv job_history.db ".read sql/snapshot_log.sql"
--           (to set one, before it: -cmd ".parameter init" -cmd ".parameter set :package_id 434")
-- psql:     psql -v since=null -v until=null -v package_id=434 -f sql/snapshot_log.sql
-- mariadb:  sed 's/:since/null/g; s/:until/null/g; s/:package_id/434/g' sql/snapshot_log.sql | mariadb

with
inputs as (
    select
        snapshots.*,
        calendar.day,
        max(snapshots.watermark_epoch) over (
            partition by snapshots.account_id order by snapshots.id
            rows between unbounded preceding and current row
        ) as known_until
    from snapshots
    left join calendar
        on snapshots.started_epoch - snapshots.started_epoch % 86400 = calendar.epoch
),

final as (
    select
        id as snapshot_id,
        account_id,
        kind,
        status,
        started_at,
        finished_epoch - started_epoch as seconds,
        jobs_seen,
        jobs_inserted,
        jobs_changed,
        jobs_rejected,
        requests,
        credits_spent,
        credits_remaining,
        finished_epoch - known_until as lag_seconds,
        error
    from inputs
    where
        (:since is null or day >= :since)
        and (:until is null or day < :until)
)

select
    snapshot_id,
    account_id,
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
