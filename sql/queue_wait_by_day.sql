-- How long did jobs wait to start?
--
-- grain: one row per account and day with jobs that started; the day is the UTC date of the start;
--   the newest first
-- columns: account_id, day, runs, p50_seconds, p95_seconds (of the wait from created_at to
--   started_at), split_runs (runs for which it is known when the cluster was ready),
--   cluster_p50_seconds, cluster_p95_seconds (of the part of the wait before the cluster was
--   ready), queue_p50_seconds, queue_p95_seconds (of the rest)
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A wait counts if it is 0 to 1000000000 seconds (31 years).
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
inputs as ( -- many waits are equal, so they are counted first
    select
        account_id,
        run_date as day,
        queue_seconds,
        cluster_wait_seconds,
        count(*) as jobs
    from jobs
    where
        queue_seconds between 0 and 1000000000
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
    group by run_date, queue_seconds, cluster_wait_seconds, account_id
),

waits as (
    select
        account_id,
        day,
        'whole' as part,
        queue_seconds as seconds,
        jobs
    from inputs
    union all
    select
        account_id,
        day,
        'cluster' as part,
        cluster_wait_seconds as seconds,
        jobs
    from inputs
    where cluster_wait_seconds is not null
    union all
    select
        account_id,
        day,
        'queue' as part,
        queue_seconds - cluster_wait_seconds as seconds,
        jobs
    from inputs
    where cluster_wait_seconds is not null
),

ranked as (
    select
        account_id,
        day,
        part,
        seconds,
        jobs,
        sum(jobs) over (
            partition by day, part, account_id order by seconds
            rows between unbounded preceding and current row
        ) as upto,
        10 * sum(jobs) over (partition by day, part, account_id) + 10 as p50_place,
        19 * sum(jobs) over (partition by day, part, account_id) + 1 as p95_place
    from waits
),

places as ( -- whole places and the twentieths beyond
    select
        account_id,
        day,
        part,
        seconds,
        jobs,
        20 * (upto - jobs) as first_after,
        20 * upto as last_at,
        p50_place - p50_place % 20 as p50_whole,
        p50_place % 20 as p50_rest,
        p95_place - p95_place % 20 as p95_whole,
        p95_place % 20 as p95_rest
    from ranked
),

parts as (
    select
        account_id,
        day,
        part,
        sum(jobs) as runs,
        sum(
            seconds * (
                case
                    when first_after < p50_whole and p50_whole <= last_at then 20 - p50_rest
                    else 0
                end
                + case
                    when first_after <= p50_whole and p50_whole < last_at then p50_rest
                    else 0
                end
            )
        ) / 20.0 as p50_seconds,
        sum(
            seconds * (
                case
                    when first_after < p95_whole and p95_whole <= last_at then 20 - p95_rest
                    else 0
                end
                + case
                    when first_after <= p95_whole and p95_whole < last_at then p95_rest
                    else 0
                end
            )
        ) / 20.0 as p95_seconds
    from places
    group by day, part, account_id
),

final as (
    select
        account_id,
        day,
        max(case when part = 'whole' then runs end) as runs,
        max(case when part = 'whole' then p50_seconds end) as p50_seconds,
        max(case when part = 'whole' then p95_seconds end) as p95_seconds,
        coalesce(max(case when part = 'cluster' then runs end), 0) as split_runs,
        max(case when part = 'cluster' then p50_seconds end) as cluster_p50_seconds,
        max(case when part = 'cluster' then p95_seconds end) as cluster_p95_seconds,
        max(case when part = 'queue' then p50_seconds end) as queue_p50_seconds,
        max(case when part = 'queue' then p95_seconds end) as queue_p95_seconds
    from parts
    group by day, account_id
)

select
    account_id,
    day,
    runs,
    p50_seconds,
    p95_seconds,
    split_runs,
    cluster_p50_seconds,
    cluster_p95_seconds,
    queue_p50_seconds,
    queue_p95_seconds
from final
order by
    day is null,
    day desc,
    account_id;
