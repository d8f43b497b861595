-- How many jobs run at once, hour by hour?
--
-- grain: one row per account and hour of a UTC day in which jobs ran, the newest first; since
--   and until filter by that day
-- columns: account_id, day, hour (0 to 23), runs (jobs that ran in it), peak (the most at once; a
--   job that ends as another starts does not overlap it), busy_seconds (of all jobs, within the
--   hour)
--
-- A job counts for its first seven days only: one that seems to run on and on was probably
-- forgotten, and would fill a row per hour for years. A job that finished after the newest known
-- time does not count, nor does one outside the calendar. The newest known time is never after both
-- the watermark and the end of the last run.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
server_times as ( -- the server's clock, and this host's when an account's last run ended
    select watermark_epoch as epoch from accounts
    union all
    select coalesce(finished_epoch, started_epoch) as epoch
    from snapshots
    where id in (select max(id) from snapshots group by account_id)
),

horizon as ( -- a later time cannot be right; the hour is for clocks that differ and for the run
    select coalesce(max(epoch) + 3600, 253402300799) as epoch -- the end of the year 9999
    from server_times
),

moments as ( -- the newest ones that an index finds, whatever the number of jobs
    select
        account_id,
        watermark_epoch as epoch
    from accounts
    union all
    select
        accounts.account_id,
        (
            select jobs.created_epoch
            from jobs
            where
                jobs.account_id = accounts.account_id
                and jobs.created_epoch <= horizon.epoch
            order by jobs.created_epoch desc
            limit 1
        ) as epoch
    from accounts
    cross join horizon
    union all
    select
        accounts.account_id,
        (
            select jobs.finished_epoch
            from jobs
            where
                jobs.account_id = accounts.account_id
                and jobs.finished_epoch <= horizon.epoch
            order by jobs.finished_epoch desc
            limit 1
        ) as epoch
    from accounts
    cross join horizon
),

clocks as ( -- the time up to which each account is known
    select
        account_id,
        max(epoch) as epoch
    from moments
    group by account_id
),

known as ( -- the latest of these
    select max(epoch) as epoch
    from clocks
),

numbered_accounts as ( -- numbers are sorted faster than texts, above all by MariaDB
    select
        account_id,
        row_number() over (order by account_id) as account_number
    from accounts
),

calendar_days as (
    select
        min(epoch) as first_epoch,
        max(epoch) + 86400 as end_epoch
    from calendar
),

asked_days as ( -- from seven days before: a job may have begun then
    select
        min(epoch) - 604800 as first_epoch,
        max(epoch) + 86400 as end_epoch
    from calendar
    where
        (day >= :since or cast(:since as char) is null)
        and (day < :until or cast(:until as char) is null)
),

spans as (
    select
        numbered_accounts.account_number,
        jobs.started_epoch as began,
        jobs.finished_epoch as ended
    from numbered_accounts
    cross join known
    cross join asked_days
    inner join jobs on numbered_accounts.account_id = jobs.account_id
    where
        jobs.started_epoch >= asked_days.first_epoch
        and jobs.started_epoch < asked_days.end_epoch
        and jobs.finished_epoch > jobs.started_epoch
        and jobs.finished_epoch <= known.epoch
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
        and (jobs.package_id = :package_id or cast(:package_id as char) is null)
    union all
    select
        numbered_accounts.account_number,
        jobs.started_epoch as began,
        clocks.epoch as ended
    from clocks
    inner join jobs on clocks.account_id = jobs.account_id
    left join numbered_accounts on jobs.account_id = numbered_accounts.account_id
    where
        jobs.gone_at is null
        and jobs.finished_at is null
        and jobs.status = 'running'
        -- a difference keeps the planner off the index of the starts: few jobs are open
        and clocks.epoch - jobs.started_epoch > 0
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
        and (jobs.package_id = :package_id or cast(:package_id as char) is null)
),

inputs as ( -- at most seven days of each
    select
        account_number,
        began,
        case when ended > began + 604800 then began + 604800 else ended end as ended
    from spans
    cross join calendar_days
    where
        began >= first_epoch
        and began < end_epoch - 604800
),

signs as ( -- a join doubles each job: a CTE that is named twice would be stored
    select 1 as delta
    union all
    select -1 as delta
),

events as ( -- a job that ends on the hour belongs to the hour before
    select
        account_number,
        case when delta = 1 then began else ended end as epoch,
        case
            when delta = 1 then began - began % 3600
            else ended - 1 - (ended - 1) % 3600
        end as hour_epoch,
        delta
    from inputs
    cross join signs
),

ordered as (
    select
        account_number,
        hour_epoch,
        epoch,
        delta,
        sum(delta) over (
            partition by hour_epoch, account_number order by epoch, delta
            rows between unbounded preceding and current row
        ) as more
    from events
),

changes as (
    select
        account_number,
        hour_epoch,
        sum(delta) as net,
        sum(case when delta = 1 then 1 else 0 end) as begun,
        sum(delta * (hour_epoch + 3600 - epoch)) as seconds,
        max(more) as most
    from ordered
    group by hour_epoch, account_number
),

clock_hours as (
    select row_number() over (order by day) - 1 as hour
    from calendar
    order by day
    limit 24
),

first_starts as ( -- of the days, which an index finds
    select
        numbered_accounts.account_number,
        (
            select jobs.started_epoch
            from jobs
            where
                jobs.account_id = numbered_accounts.account_id
                and jobs.started_epoch >= asked_days.first_epoch
            order by jobs.started_epoch
            limit 1
        ) as epoch
    from numbered_accounts
    cross join asked_days
),

reach as ( -- grouped, so that it is computed once and not for each day
    select
        first_starts.account_number,
        min(first_starts.epoch) as first_epoch,
        max(
            case
                when known.epoch < asked_days.end_epoch then known.epoch
                else asked_days.end_epoch
            end
        ) as last_epoch
    from first_starts
    cross join known
    cross join asked_days
    group by first_starts.account_number
),

hours as (
    select
        reach.account_number,
        calendar.day,
        clock_hours.hour,
        calendar.epoch + 3600 * clock_hours.hour as hour_epoch
    from reach
    inner join calendar
        on calendar.epoch > reach.first_epoch - 86400 and calendar.epoch <= reach.last_epoch
    cross join clock_hours
),

changes_and_hours as ( -- instead of a join, which planners get wrong
    select
        account_number,
        hour_epoch,
        null as day,
        null as hour,
        net,
        begun,
        seconds,
        most
    from changes
    union all
    select
        account_number,
        hour_epoch,
        day,
        hour,
        0 as net,
        0 as begun,
        0 as seconds,
        0 as most
    from hours
),

all_hours as (
    select
        account_number,
        hour_epoch,
        max(day) as day,
        max(hour) as hour,
        sum(net) as net,
        sum(begun) as begun,
        sum(seconds) as seconds,
        max(most) as most
    from changes_and_hours
    group by hour_epoch, account_number
),

carried as (
    select
        account_number,
        day,
        hour,
        begun,
        seconds,
        most,
        coalesce(
            sum(net) over (
                partition by account_number order by hour_epoch
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as running
    from all_hours
),

final as (
    select
        numbered_accounts.account_id,
        day,
        hour,
        running + begun as runs,
        running + most as peak,
        3600 * running + seconds as busy_seconds
    from carried
    left join numbered_accounts on carried.account_number = numbered_accounts.account_number
    where
        running + begun > 0
        and (day >= :since or cast(:since as char) is null)
        and (day < :until or cast(:until as char) is null)
)

select
    account_id,
    day,
    hour,
    runs,
    peak,
    busy_seconds
from final
order by
    day desc,
    hour desc,
    account_id;
