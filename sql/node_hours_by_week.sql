-- What does it cost, in node hours?
--
-- grain: one row per account, package, cluster and week with jobs that ended; the week is the
--   Monday of the UTC date of the start; the newest first
-- columns: account_id, package_id, package_name (of its latest run), cluster_id, cluster_name,
--   week, runs, hours (of runtime, however the runs ended), node_runs (runs whose cluster has a
--   number of nodes), node_hours (of these: runtime times nodes)
--
-- A runtime counts if it is 0 to 1000000000 seconds (31 years), and a cluster's nodes if they are 0
-- to 1000000; any other is ignored.
--
-- parameters (null: no filter): account_id, package_id, since (first day), until (day after the
--   last)

with
ended as ( -- in two parts, so that a first day is looked up in the index
    select
        id,
        account_id,
        package_id,
        run_date,
        cluster_id,
        cluster_nodes,
        runtime_in_seconds
    from jobs
    where
        status in ('completed', 'failed', 'stopped')
        and run_date >= :since
    union all
    select
        id,
        account_id,
        package_id,
        run_date,
        cluster_id,
        cluster_nodes,
        runtime_in_seconds
    from jobs
    where
        status in ('completed', 'failed', 'stopped')
        and cast(:since as char) is null
),

inputs as (
    select
        id,
        account_id,
        package_id,
        cluster_id,
        run_date,
        runtime_in_seconds as seconds,
        case when cluster_nodes between 0 and 1000000 then cluster_nodes end as nodes
    from ended
    where
        runtime_in_seconds between 0 and 1000000000
        and (account_id = :account_id or cast(:account_id as char) is null)
        and (package_id = :package_id or cast(:package_id as char) is null)
        and (run_date < :until or cast(:until as char) is null)
),

days as ( -- first by day, so that fewer rows look up their week
    select
        account_id,
        package_id,
        cluster_id,
        run_date,
        max(id) as last_id,
        count(*) as runs,
        sum(seconds) as seconds,
        count(nodes) as node_runs,
        sum(seconds * 1e0 * nodes) as node_seconds
    from inputs
    group by run_date, package_id, account_id, cluster_id
),

weeks as (
    select
        days.account_id,
        days.package_id,
        days.cluster_id,
        calendar.week,
        max(days.last_id) as last_id,
        sum(days.runs) as runs,
        sum(days.seconds) as seconds,
        sum(days.node_runs) as node_runs,
        sum(days.node_seconds) as node_seconds
    from days
    left join calendar on days.run_date = calendar.day
    group by days.package_id, days.account_id, days.cluster_id, calendar.week
),

final as (
    select
        jobs.account_id,
        weeks.package_id,
        ( -- the latest known name; without the hint MariaDB reads other packages' jobs
            select named.package_name
            from jobs as named /*! force index (ix_jobs_named) */
            where
                named.package_id = weeks.package_id
                and named.account_id = weeks.account_id
                and named.package_name is not null
            order by named.id desc
            limit 1
        ) as package_name,
        weeks.cluster_id,
        jobs.cluster_name,
        weeks.week,
        weeks.runs,
        round(weeks.seconds * 1e0 / 3600, 6) as hours,
        weeks.node_runs,
        round(weeks.node_seconds / 3600, 6) as node_hours
    from weeks
    inner join jobs on weeks.last_id = jobs.id
)

select
    account_id,
    package_id,
    package_name,
    cluster_id,
    cluster_name,
    week,
    runs,
    hours,
    node_runs,
    node_hours
from final
order by
    week is null,
    week desc,
    account_id,
    package_id is null,
    package_id,
    cluster_id is null,
    cluster_id;
