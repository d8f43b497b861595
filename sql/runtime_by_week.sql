-- How long did each package take, week by week?
--
-- grain: one row per account, package and week with completed runs; the week is the Monday of the
--   UTC date of the start; the newest first
-- columns: account_id, package_id, package_name (of its latest run), week, runs, p50_seconds,
--   p95_seconds, max_seconds
--
-- The percentile f is at place 1 + f * (n - 1), interpolated between the rows on both sides. Places
-- are counted in twentieths, so that everything up to the division is in whole numbers, the same on
-- every engine.
--
-- A runtime counts if it is 0 to 1000000000 seconds (31 years); any other is ignored.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
numbered_accounts as ( -- numbers are sorted faster than texts, above all by MariaDB
    select
        account_id,
        row_number() over (order by account_id) as account_number
    from jobs
    group by account_id
),

inputs as (
    select
        numbered_accounts.account_number,
        package_id,
        calendar.week as week,
        case
            when runtime_in_seconds between 0 and 1000000000 then runtime_in_seconds
        end as seconds
    from jobs
    left join calendar on jobs.run_date = calendar.day
    left join numbered_accounts on jobs.account_id = numbered_accounts.account_id
    where
        status = 'completed'
        and (jobs.account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date >= :since or cast(:since as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

latest_named as (
    select
        package_id,
        account_id,
        max(id) as id
    from jobs
    where package_name is not null
    group by package_id, account_id
),

names as ( -- each package's latest known name
    select
        numbered_accounts.account_number,
        latest_named.package_id,
        jobs.package_name
    from latest_named
    inner join jobs on latest_named.id = jobs.id
    inner join numbered_accounts on latest_named.account_id = numbered_accounts.account_id
),

ranked as (
    select
        account_number,
        package_id,
        week,
        seconds,
        20 * count(seconds) over (
            partition by package_id, account_number, week order by seconds
            rows between unbounded preceding and current row
        ) as place,
        10 * count(seconds) over (partition by package_id, account_number, week) + 10 as p50_place,
        19 * count(seconds) over (partition by package_id, account_number, week) + 1 as p95_place
    from inputs
),

weeks as (
    select
        account_number,
        package_id,
        week,
        count(*) as runs,
        sum(
            seconds
            * case when abs(place - p50_place) < 20 then 20 - abs(place - p50_place) else 0 end
        ) / 20.0 as p50_seconds,
        sum(
            seconds
            * case when abs(place - p95_place) < 20 then 20 - abs(place - p95_place) else 0 end
        ) / 20.0 as p95_seconds,
        max(seconds) as max_seconds
    from ranked
    group by package_id, account_number, week
),

final as (
    select
        numbered_accounts.account_id,
        weeks.package_id,
        names.package_name,
        weeks.week,
        weeks.runs,
        weeks.p50_seconds,
        weeks.p95_seconds,
        weeks.max_seconds
    from weeks
    left join numbered_accounts on weeks.account_number = numbered_accounts.account_number
    left join names
        on weeks.account_number = names.account_number and weeks.package_id = names.package_id
)

select
    account_id,
    package_id,
    package_name,
    week,
    runs,
    p50_seconds,
    p95_seconds,
    max_seconds
from final
order by
    week is null,
    week desc,
    account_id,
    package_id is null,
    package_id;
