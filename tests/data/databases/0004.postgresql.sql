SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.accounts (
    account_id character varying(255) NOT NULL,
    api_url text NOT NULL,
    watermark timestamp with time zone,
    newest_updated_at timestamp with time zone,
    page_size integer,
    listing_since timestamp with time zone,
    listing_clock timestamp with time zone,
    listing_offset bigint,
    listing_edge timestamp with time zone,
    sends_links boolean,
    refreshed_id bigint,
    counted_at timestamp with time zone,
    unlisted bigint,
    watermark_epoch bigint,
    vanishing_since timestamp with time zone
);
COMMENT ON TABLE public.accounts IS 'The accounts read, and how far';
COMMENT ON COLUMN public.accounts.account_id IS 'the account''s name in the API''s URLs';
COMMENT ON COLUMN public.accounts.api_url IS 'the service that the account lives on';
COMMENT ON COLUMN public.accounts.watermark IS 'the server''s clock when the last whole listing began; all before is here';
COMMENT ON COLUMN public.accounts.newest_updated_at IS 'the latest updated_at when the last listing began; none starts after it';
COMMENT ON COLUMN public.accounts.page_size IS 'the most jobs that the server has given in one page';
COMMENT ON COLUMN public.accounts.listing_since IS 'the since of the listing under way; null when it is of the whole';
COMMENT ON COLUMN public.accounts.listing_clock IS 'the server''s clock when the listing under way began';
COMMENT ON COLUMN public.accounts.listing_offset IS 'where the listing under way goes on; null when there is none';
COMMENT ON COLUMN public.accounts.listing_edge IS 'the created_at before which all of the listing under way was read';
COMMENT ON COLUMN public.accounts.sends_links IS 'the server names the pages around one, so one that names none is alone';
COMMENT ON COLUMN public.accounts.refreshed_id IS 'the last job that a run asked for by id before it had to stop';
COMMENT ON COLUMN public.accounts.counted_at IS 'the server''s clock when its jobs were last counted';
COMMENT ON COLUMN public.accounts.unlisted IS 'jobs here that the list did not have then, though the API gave them by id; less than none: records without an id, all alike, that are here once';
COMMENT ON COLUMN public.accounts.watermark_epoch IS 'watermark in whole seconds since 1970';
COMMENT ON COLUMN public.accounts.vanishing_since IS 'when a run first missed more jobs than it may mark as gone; a later run confirms it';
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.calendar (
    day date NOT NULL,
    week date NOT NULL,
    month date NOT NULL,
    weekday smallint NOT NULL,
    epoch bigint
);
COMMENT ON TABLE public.calendar IS 'The days of 2010 to 2049';
COMMENT ON COLUMN public.calendar.day IS 'the day';
COMMENT ON COLUMN public.calendar.week IS 'the Monday of its week';
COMMENT ON COLUMN public.calendar.month IS 'the first day of its month';
COMMENT ON COLUMN public.calendar.weekday IS '1 Monday to 7 Sunday';
COMMENT ON COLUMN public.calendar.epoch IS 'its midnight UTC in whole seconds since 1970';
CREATE TABLE public.job_changes (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    snapshot_id bigint NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    status character varying(255),
    progress double precision,
    runtime_in_seconds bigint,
    outputs_count bigint,
    records_count bigint
);
COMMENT ON TABLE public.job_changes IS 'One row whenever a job''s state was seen to move';
COMMENT ON COLUMN public.job_changes.id IS 'the order of observation';
COMMENT ON COLUMN public.job_changes.job_id IS 'the job';
COMMENT ON COLUMN public.job_changes.snapshot_id IS 'the run that saw it';
COMMENT ON COLUMN public.job_changes.observed_at IS 'when it was seen';
COMMENT ON COLUMN public.job_changes.status IS 'the job''s status then';
COMMENT ON COLUMN public.job_changes.progress IS '0 to 1';
COMMENT ON COLUMN public.job_changes.runtime_in_seconds IS 'seconds it had run';
COMMENT ON COLUMN public.job_changes.outputs_count IS 'outputs, by the API''s count';
COMMENT ON COLUMN public.job_changes.records_count IS 'records written, summed over its outputs';
CREATE SEQUENCE public.job_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.job_changes_id_seq OWNED BY public.job_changes.id;
CREATE TABLE public.job_outputs (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    name text,
    records_count bigint,
    progress double precision,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    url text,
    preview_url text,
    preview_type text,
    component_name text,
    component_type text,
    extra json,
    fields_digest character varying(16)
);
COMMENT ON TABLE public.job_outputs IS 'One row an output of a job';
COMMENT ON COLUMN public.job_outputs.id IS 'the output, as the API numbers it';
COMMENT ON COLUMN public.job_outputs.job_id IS 'the job that wrote it';
COMMENT ON COLUMN public.job_outputs.name IS 'the output''s name';
COMMENT ON COLUMN public.job_outputs.records_count IS 'records written';
COMMENT ON COLUMN public.job_outputs.progress IS '0 to 1';
COMMENT ON COLUMN public.job_outputs.created_at IS 'when it was begun';
COMMENT ON COLUMN public.job_outputs.updated_at IS 'when it last changed';
COMMENT ON COLUMN public.job_outputs.url IS 'the output in the API';
COMMENT ON COLUMN public.job_outputs.preview_url IS 'its first records in the API';
COMMENT ON COLUMN public.job_outputs.preview_type IS 'the preview''s format';
COMMENT ON COLUMN public.job_outputs.component_name IS 'the destination component of the package';
COMMENT ON COLUMN public.job_outputs.component_type IS 'what the component writes to';
COMMENT ON COLUMN public.job_outputs.extra IS 'what the API sent and no column holds, under its own names';
COMMENT ON COLUMN public.job_outputs.fields_digest IS 'equal for an output of a package while its fields stay, in their order';
CREATE TABLE public.jobs (
    id bigint NOT NULL,
    account_id character varying(255) NOT NULL,
    status character varying(255),
    owner_id bigint,
    progress double precision,
    outputs_count bigint,
    created_at timestamp with time zone,
    started_at timestamp with time zone,
    failed_at timestamp with time zone,
    completed_at timestamp with time zone,
    updated_at timestamp with time zone,
    cluster_id bigint,
    cluster_name text,
    cluster_url text,
    cluster_nodes bigint,
    cluster_available_since timestamp with time zone,
    package_id bigint,
    package_name text,
    package_url text,
    package_updated_at timestamp with time zone,
    creator_type text,
    creator_id bigint,
    creator_display_name text,
    creator_url text,
    errors text,
    runtime_in_seconds bigint,
    attempts bigint,
    master_auto_retry_attempts bigint,
    variables json,
    dynamic_variables json,
    url text,
    html_url text,
    log_url text,
    extra json,
    run_date date,
    queue_seconds bigint,
    finished_at timestamp with time zone,
    first_seen_at timestamp with time zone NOT NULL,
    last_changed_at timestamp with time zone NOT NULL,
    snapshot_id bigint NOT NULL,
    gone_at timestamp with time zone,
    created_epoch bigint,
    started_epoch bigint,
    finished_epoch bigint,
    cluster_wait_seconds bigint,
    error_fingerprint character varying(255)
);
COMMENT ON TABLE public.jobs IS 'One row a job: one run of a package on a cluster';
COMMENT ON COLUMN public.jobs.id IS 'the job, as the API numbers it';
COMMENT ON COLUMN public.jobs.account_id IS 'the account it was read from';
COMMENT ON COLUMN public.jobs.status IS 'idle, pending, queued, running, pending_stoppage, stopping; final: completed, failed, stopped';
COMMENT ON COLUMN public.jobs.owner_id IS 'the user who owns it';
COMMENT ON COLUMN public.jobs.progress IS '0 to 1';
COMMENT ON COLUMN public.jobs.outputs_count IS 'outputs, by the API''s count';
COMMENT ON COLUMN public.jobs.created_at IS 'when it was asked for';
COMMENT ON COLUMN public.jobs.started_at IS 'when it began to run';
COMMENT ON COLUMN public.jobs.failed_at IS 'when it failed';
COMMENT ON COLUMN public.jobs.completed_at IS 'when it ended, however it ended';
COMMENT ON COLUMN public.jobs.updated_at IS 'when the API last touched it; does not move with progress';
COMMENT ON COLUMN public.jobs.cluster_id IS 'the cluster, by the job';
COMMENT ON COLUMN public.jobs.cluster_name IS 'the cluster''s name';
COMMENT ON COLUMN public.jobs.cluster_url IS 'the cluster in the API';
COMMENT ON COLUMN public.jobs.cluster_nodes IS 'the cluster''s nodes';
COMMENT ON COLUMN public.jobs.cluster_available_since IS 'when the cluster was ready for jobs';
COMMENT ON COLUMN public.jobs.package_id IS 'the package, by the job';
COMMENT ON COLUMN public.jobs.package_name IS 'the package''s name';
COMMENT ON COLUMN public.jobs.package_url IS 'the package in the API';
COMMENT ON COLUMN public.jobs.package_updated_at IS 'when the package was last edited';
COMMENT ON COLUMN public.jobs.creator_type IS 'User or Schedule';
COMMENT ON COLUMN public.jobs.creator_id IS 'the user or the schedule';
COMMENT ON COLUMN public.jobs.creator_display_name IS 'the creator''s name';
COMMENT ON COLUMN public.jobs.creator_url IS 'the creator in the API';
COMMENT ON COLUMN public.jobs.errors IS 'what went wrong, in the API''s words';
COMMENT ON COLUMN public.jobs.runtime_in_seconds IS 'seconds it ran; so far, while it runs';
COMMENT ON COLUMN public.jobs.attempts IS 'retries done by the schedule';
COMMENT ON COLUMN public.jobs.master_auto_retry_attempts IS 'retries allowed by the schedule';
COMMENT ON COLUMN public.jobs.variables IS 'variables, values masked';
COMMENT ON COLUMN public.jobs.dynamic_variables IS 'variables worked out at run time, values masked';
COMMENT ON COLUMN public.jobs.url IS 'the job in the API';
COMMENT ON COLUMN public.jobs.html_url IS 'the job''s page';
COMMENT ON COLUMN public.jobs.log_url IS 'the job''s log in the API';
COMMENT ON COLUMN public.jobs.extra IS 'what the API sent and no column holds, under its own names';
COMMENT ON COLUMN public.jobs.run_date IS 'the UTC date of started_at, else of created_at';
COMMENT ON COLUMN public.jobs.queue_seconds IS 'seconds from created_at to started_at';
COMMENT ON COLUMN public.jobs.finished_at IS 'of a final job: completed_at, else failed_at, else updated_at';
COMMENT ON COLUMN public.jobs.first_seen_at IS 'when the job was first read';
COMMENT ON COLUMN public.jobs.last_changed_at IS 'when a run last found it changed';
COMMENT ON COLUMN public.jobs.snapshot_id IS 'the run that last changed the row';
COMMENT ON COLUMN public.jobs.gone_at IS 'when the API was first found to have the job no more';
COMMENT ON COLUMN public.jobs.created_epoch IS 'created_at in whole seconds since 1970: engines disagree on differences';
COMMENT ON COLUMN public.jobs.started_epoch IS 'started_at in whole seconds since 1970';
COMMENT ON COLUMN public.jobs.finished_epoch IS 'finished_at in whole seconds since 1970';
COMMENT ON COLUMN public.jobs.cluster_wait_seconds IS 'those of queue_seconds in which the cluster was not there yet';
COMMENT ON COLUMN public.jobs.error_fingerprint IS 'errors with ids, numbers, dates and paths taken out';
CREATE TABLE public.output_fields (
    output_id bigint NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL
);
COMMENT ON TABLE public.output_fields IS 'One row a field of an output';
COMMENT ON COLUMN public.output_fields.output_id IS 'the output that has the field';
COMMENT ON COLUMN public.output_fields."position" IS 'its place, from 1';
COMMENT ON COLUMN public.output_fields.name IS 'the field''s name';
CREATE TABLE public.rejected_records (
    id bigint NOT NULL,
    snapshot_id bigint NOT NULL,
    account_id character varying(255) NOT NULL,
    job_id bigint,
    reason text NOT NULL,
    payload text NOT NULL,
    rejected_at timestamp with time zone NOT NULL,
    attempts integer,
    next_attempt_at timestamp with time zone,
    program_version character varying(64),
    digest character varying(32)
);
COMMENT ON TABLE public.rejected_records IS 'Records that could not be read, whole, until they can be';
COMMENT ON COLUMN public.rejected_records.id IS 'the record';
COMMENT ON COLUMN public.rejected_records.snapshot_id IS 'the run that last set it aside';
COMMENT ON COLUMN public.rejected_records.account_id IS 'the account it was read from';
COMMENT ON COLUMN public.rejected_records.job_id IS 'its job, where it names one';
COMMENT ON COLUMN public.rejected_records.reason IS 'what is wrong, with its path';
COMMENT ON COLUMN public.rejected_records.payload IS 'the record as it came, secrets masked; null if none came, cut if it is too long';
COMMENT ON COLUMN public.rejected_records.rejected_at IS 'when it was set aside';
COMMENT ON COLUMN public.rejected_records.attempts IS 'times it was tried since it last changed';
COMMENT ON COLUMN public.rejected_records.next_attempt_at IS 'before then no run asks for it again; null: the next run does';
COMMENT ON COLUMN public.rejected_records.program_version IS 'the version of this program that last tried it';
COMMENT ON COLUMN public.rejected_records.digest IS 'of the whole record, but for its package and cluster: it tells a change';
CREATE SEQUENCE public.rejected_records_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.rejected_records_id_seq OWNED BY public.rejected_records.id;
CREATE TABLE public.snapshots (
    id bigint NOT NULL,
    account_id character varying(255) NOT NULL,
    kind character varying(16) NOT NULL,
    status character varying(16) NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    since timestamp with time zone,
    watermark timestamp with time zone,
    requests integer NOT NULL,
    pages integer NOT NULL,
    jobs_seen integer NOT NULL,
    jobs_inserted integer NOT NULL,
    jobs_changed integer NOT NULL,
    jobs_unchanged integer NOT NULL,
    jobs_rejected integer NOT NULL,
    credits_remaining integer,
    error text,
    credits_spent integer,
    started_epoch bigint,
    finished_epoch bigint,
    watermark_epoch bigint
);
COMMENT ON TABLE public.snapshots IS 'One row a run of sync';
COMMENT ON COLUMN public.snapshots.id IS 'the run';
COMMENT ON COLUMN public.snapshots.account_id IS 'the account it read';
COMMENT ON COLUMN public.snapshots.kind IS 'full, incremental or jobs';
COMMENT ON COLUMN public.snapshots.status IS 'running, completed, partial or failed';
COMMENT ON COLUMN public.snapshots.started_at IS 'when it began, by this host';
COMMENT ON COLUMN public.snapshots.finished_at IS 'when it ended, by this host';
COMMENT ON COLUMN public.snapshots.since IS 'the since it listed from; null for the whole';
COMMENT ON COLUMN public.snapshots.watermark IS 'the account''s watermark that it left, where it moved it';
COMMENT ON COLUMN public.snapshots.requests IS 'HTTP requests sent, retries included';
COMMENT ON COLUMN public.snapshots.pages IS 'pages of the listing read';
COMMENT ON COLUMN public.snapshots.jobs_seen IS 'different jobs answered';
COMMENT ON COLUMN public.snapshots.jobs_inserted IS 'jobs that were new';
COMMENT ON COLUMN public.snapshots.jobs_changed IS 'jobs whose rows were changed';
COMMENT ON COLUMN public.snapshots.jobs_unchanged IS 'jobs whose rows were left alone';
COMMENT ON COLUMN public.snapshots.jobs_rejected IS 'records set aside';
COMMENT ON COLUMN public.snapshots.credits_remaining IS 'credits left of the hour''s, by the last answer';
COMMENT ON COLUMN public.snapshots.error IS 'why it did not complete, or what it could not ask for';
COMMENT ON COLUMN public.snapshots.credits_spent IS 'requests sent that cost a credit, retries included';
COMMENT ON COLUMN public.snapshots.started_epoch IS 'started_at in whole seconds since 1970';
COMMENT ON COLUMN public.snapshots.finished_epoch IS 'finished_at in whole seconds since 1970';
COMMENT ON COLUMN public.snapshots.watermark_epoch IS 'watermark in whole seconds since 1970';
CREATE SEQUENCE public.snapshots_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.snapshots_id_seq OWNED BY public.snapshots.id;
ALTER TABLE ONLY public.job_changes ALTER COLUMN id SET DEFAULT nextval('public.job_changes_id_seq'::regclass);
ALTER TABLE ONLY public.rejected_records ALTER COLUMN id SET DEFAULT nextval('public.rejected_records_id_seq'::regclass);
ALTER TABLE ONLY public.snapshots ALTER COLUMN id SET DEFAULT nextval('public.snapshots_id_seq'::regclass);
INSERT INTO public.accounts VALUES ('acme', 'https://api.xplenty.com', '2026-01-05 03:04:05.678901+00', '2026-01-05 04:00:00+00', 100, '2026-01-05 03:04:05.678901+00', NULL, 98, NULL, true, NULL, NULL, -2, 1767582245, NULL);
INSERT INTO public.accounts VALUES ('Acme', 'https://api.xplenty.com', NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.alembic_version VALUES ('0004');
INSERT INTO public.calendar VALUES ('2010-01-01', '2009-12-28', '2010-01-01', 5, 1262304000);
INSERT INTO public.calendar VALUES ('2026-01-05', '2026-01-05', '2026-01-01', 1, 1767571200);
INSERT INTO public.calendar VALUES ('2049-12-31', '2049-12-27', '2049-12-01', 5, 2524521600);
INSERT INTO public.job_changes VALUES (5, 7, 1, '2026-01-05 03:04:05.678901+00', 'running', NULL, NULL, NULL, NULL);
INSERT INTO public.job_changes VALUES (9, 7, 3, '2026-01-05 04:00:00+00', NULL, 0.5, NULL, NULL, NULL);
INSERT INTO public.job_changes VALUES (10, 99, 1, '2026-01-05 03:04:05.678901+00', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.job_outputs VALUES (9223372036854775807, 7, 'größe 📦 ''x'' "y" %s \ \n	tab
', 9223372036854775807, NULL, '2026-01-05 03:04:05.678901+00', NULL, NULL, NULL, NULL, '', NULL, '[]', '5dfc582a7d4ec855');
INSERT INTO public.jobs VALUES (7, 'acme', 'failed', -9223372036854775808, 0.30000000000000004, NULL, '2026-01-05 03:00:00+00', '2026-01-05 03:01:00.5+00', '2026-01-05 04:00:00+00', NULL, '2026-01-05 03:04:05.678901+00', 52, NULL, NULL, NULL, '2026-01-05 03:00:30+00', 434, 'größe 📦 ''x'' "y" %s \ \n	tab
', NULL, NULL, NULL, NULL, NULL, NULL, 'Job 17 has no /tmp/a', 3540, NULL, NULL, '{"b":1,"a":[1.5,null,"ä"]}', '{}', NULL, NULL, NULL, '{"log_summary":"größe 📦 ''x'' \"y\" %s \\ \\n\ttab\n","large":18446744073709551616}', '2026-01-05', 60, '2026-01-05 04:00:00+00', '2026-01-05 03:04:05.678901+00', '2026-01-05 04:00:00+00', 1, NULL, 1767582000, 1767582060, 1767585600, 30, 'Job # has no <path>');
INSERT INTO public.jobs VALUES (9223372036854775807, 'acme', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-05 03:04:05.678901+00', '2026-01-05 04:00:00+00', 3, '2026-01-05 04:00:00+00', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.jobs VALUES (8, 'deleted', 'running', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-05 03:04:05.678901+00', '2026-01-05 04:00:00+00', 20, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.output_fields VALUES (9223372036854775807, 1, 'größe 📦 ''x'' "y" %s \ \n	tab
');
INSERT INTO public.output_fields VALUES (9223372036854775807, 2, '');
INSERT INTO public.rejected_records VALUES (4, 1, 'acme', 12, 'größe 📦 ''x'' "y" %s \ \n	tab
', '{"id":12,"name":"größe 📦 ''x'' \"y\" %s \\ \\n\ttab\n"}', '2026-01-05 03:04:05.678901+00', NULL, NULL, NULL, NULL);
INSERT INTO public.rejected_records VALUES (6, 2, 'nobody', 13, 'no id', 'null', '2026-01-05 04:00:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.snapshots VALUES (1, 'acme', 'full', 'completed', '2026-01-05 03:04:05.678901+00', '2026-01-05 04:00:00+00', NULL, '2026-01-05 03:04:05.678901+00', 3, 3, 3, 3, 3, 3, 3, 3, NULL, 3, 1767582245, 1767585600, 1767582245);
INSERT INTO public.snapshots VALUES (3, 'Acme', 'jobs', 'failed', '2026-01-05 04:00:00+00', NULL, NULL, NULL, 3, 3, 3, 3, 3, 3, 3, 3, 'größe 📦 ''x'' "y" %s \ \n	tab
', 3, 1767585600, NULL, NULL);
SELECT pg_catalog.setval('public.job_changes_id_seq', 1, false);
SELECT pg_catalog.setval('public.rejected_records_id_seq', 1, false);
SELECT pg_catalog.setval('public.snapshots_id_seq', 1, false);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT pk_accounts PRIMARY KEY (account_id);
ALTER TABLE ONLY public.calendar
    ADD CONSTRAINT pk_calendar PRIMARY KEY (day);
ALTER TABLE ONLY public.job_changes
    ADD CONSTRAINT pk_job_changes PRIMARY KEY (id);
ALTER TABLE ONLY public.job_outputs
    ADD CONSTRAINT pk_job_outputs PRIMARY KEY (id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);
ALTER TABLE ONLY public.output_fields
    ADD CONSTRAINT pk_output_fields PRIMARY KEY (output_id, "position");
ALTER TABLE ONLY public.rejected_records
    ADD CONSTRAINT pk_rejected_records PRIMARY KEY (id);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT pk_snapshots PRIMARY KEY (id);
CREATE INDEX ix_job_changes_job_id ON public.job_changes USING btree (job_id);
CREATE INDEX ix_job_outputs_fields_digest ON public.job_outputs USING btree (fields_digest);
CREATE INDEX ix_job_outputs_job_id ON public.job_outputs USING btree (job_id);
CREATE INDEX ix_jobs_account_id_gone_at_finished_at ON public.jobs USING btree (account_id, gone_at, finished_at);
CREATE INDEX ix_jobs_epochs ON public.jobs USING btree (account_id, finished_epoch, started_epoch, created_epoch, package_id);
CREATE INDEX ix_jobs_named ON public.jobs USING btree (package_id) WHERE (package_name IS NOT NULL);
CREATE INDEX ix_jobs_package_id_run_date ON public.jobs USING btree (package_id, run_date);
CREATE INDEX ix_jobs_runs ON public.jobs USING btree (status, package_id, run_date, runtime_in_seconds, finished_epoch);
CREATE INDEX ix_rejected_records_account_id_job_id ON public.rejected_records USING btree (account_id, job_id);
ALTER TABLE ONLY public.job_outputs
    ADD CONSTRAINT fk_job_outputs_job_id_jobs FOREIGN KEY (job_id) REFERENCES public.jobs(id);
ALTER TABLE ONLY public.output_fields
    ADD CONSTRAINT fk_output_fields_output_id_job_outputs FOREIGN KEY (output_id) REFERENCES public.job_outputs(id);
