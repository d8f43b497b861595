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
COMMENT ON TABLE public.accounts IS 'One row per account, and how far it is read';
COMMENT ON COLUMN public.accounts.account_id IS 'the account id, as in the API''s URLs';
COMMENT ON COLUMN public.accounts.api_url IS 'base URL of the service that has the account';
COMMENT ON COLUMN public.accounts.watermark IS 'the server''s time when the last complete listing began; everything updated before it is stored';
COMMENT ON COLUMN public.accounts.newest_updated_at IS 'the latest updated_at when the last listing began; the next one starts no later';
COMMENT ON COLUMN public.accounts.page_size IS 'the most jobs that the server has returned in one page';
COMMENT ON COLUMN public.accounts.listing_since IS 'the since of the listing in progress; null if it lists all jobs';
COMMENT ON COLUMN public.accounts.listing_clock IS 'the server''s time when the listing in progress began';
COMMENT ON COLUMN public.accounts.listing_offset IS 'the offset at which the listing in progress continues; null if there is none';
COMMENT ON COLUMN public.accounts.listing_edge IS 'every job created before this is read, in the listing in progress';
COMMENT ON COLUMN public.accounts.sends_links IS 'whether the server links a page to its neighbours, so that a page without links is the only one';
COMMENT ON COLUMN public.accounts.refreshed_id IS 'the last job that a run requested by id before it had to stop';
COMMENT ON COLUMN public.accounts.counted_at IS 'the server''s time when the account''s jobs were last counted';
COMMENT ON COLUMN public.accounts.unlisted IS 'jobs that exist at the API but were missing from its list at the last count; negative if the list repeats equal records without an id, which are stored once';
COMMENT ON COLUMN public.accounts.watermark_epoch IS 'watermark in whole seconds since 1970';
COMMENT ON COLUMN public.accounts.vanishing_since IS 'when a run first missed more jobs than one run may mark as gone; a later run confirms it';
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
COMMENT ON TABLE public.calendar IS 'One row per day from 2010 to 2049';
COMMENT ON COLUMN public.calendar.day IS 'the day';
COMMENT ON COLUMN public.calendar.week IS 'the Monday of the day''s week';
COMMENT ON COLUMN public.calendar.month IS 'the first day of the day''s month';
COMMENT ON COLUMN public.calendar.weekday IS '1 (Monday) to 7 (Sunday)';
COMMENT ON COLUMN public.calendar.epoch IS 'midnight UTC of the day in whole seconds since 1970';
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
COMMENT ON TABLE public.job_changes IS 'One row per state in which a job was seen';
COMMENT ON COLUMN public.job_changes.id IS 'increases in the order of observation';
COMMENT ON COLUMN public.job_changes.job_id IS 'the job';
COMMENT ON COLUMN public.job_changes.snapshot_id IS 'the run that observed it';
COMMENT ON COLUMN public.job_changes.observed_at IS 'when it was observed';
COMMENT ON COLUMN public.job_changes.status IS 'the job''s status then';
COMMENT ON COLUMN public.job_changes.progress IS '0 to 1';
COMMENT ON COLUMN public.job_changes.runtime_in_seconds IS 'seconds that the job had run';
COMMENT ON COLUMN public.job_changes.outputs_count IS 'number of outputs, as counted by the API';
COMMENT ON COLUMN public.job_changes.records_count IS 'records written, summed over the job''s outputs';
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
COMMENT ON TABLE public.job_outputs IS 'One row per output of a job';
COMMENT ON COLUMN public.job_outputs.id IS 'the output''s id at the API';
COMMENT ON COLUMN public.job_outputs.job_id IS 'the job that wrote it';
COMMENT ON COLUMN public.job_outputs.name IS 'the output''s name';
COMMENT ON COLUMN public.job_outputs.records_count IS 'number of records written';
COMMENT ON COLUMN public.job_outputs.progress IS '0 to 1';
COMMENT ON COLUMN public.job_outputs.created_at IS 'when the API created the output';
COMMENT ON COLUMN public.job_outputs.updated_at IS 'when the API last updated the output';
COMMENT ON COLUMN public.job_outputs.url IS 'the output''s URL in the API';
COMMENT ON COLUMN public.job_outputs.preview_url IS 'URL of the output''s first records in the API';
COMMENT ON COLUMN public.job_outputs.preview_type IS 'format of the preview';
COMMENT ON COLUMN public.job_outputs.component_name IS 'name of the package''s destination component';
COMMENT ON COLUMN public.job_outputs.component_type IS 'what the component writes to';
COMMENT ON COLUMN public.job_outputs.extra IS 'everything that the API sent and that has no column, under the API''s names';
COMMENT ON COLUMN public.job_outputs.fields_digest IS 'digest of the fields in their order; equal as long as an output''s fields stay the same';
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
COMMENT ON TABLE public.jobs IS 'One row per job: one run of a package on a cluster';
COMMENT ON COLUMN public.jobs.id IS 'the job''s id at the API';
COMMENT ON COLUMN public.jobs.account_id IS 'the account it was read from';
COMMENT ON COLUMN public.jobs.status IS 'idle, pending, queued, running, pending_stoppage, stopping; final: completed, failed, stopped';
COMMENT ON COLUMN public.jobs.owner_id IS 'id of the user who owns the job';
COMMENT ON COLUMN public.jobs.progress IS '0 to 1';
COMMENT ON COLUMN public.jobs.outputs_count IS 'number of outputs, as counted by the API';
COMMENT ON COLUMN public.jobs.created_at IS 'when the job was requested';
COMMENT ON COLUMN public.jobs.started_at IS 'when the job began to run';
COMMENT ON COLUMN public.jobs.failed_at IS 'when the job failed';
COMMENT ON COLUMN public.jobs.completed_at IS 'when the job ended, whatever its final status';
COMMENT ON COLUMN public.jobs.updated_at IS 'when the API last updated the job; progress alone does not move it';
COMMENT ON COLUMN public.jobs.cluster_id IS 'id of the cluster, as the job gives it';
COMMENT ON COLUMN public.jobs.cluster_name IS 'the cluster''s name';
COMMENT ON COLUMN public.jobs.cluster_url IS 'the cluster''s URL in the API';
COMMENT ON COLUMN public.jobs.cluster_nodes IS 'number of nodes of the cluster';
COMMENT ON COLUMN public.jobs.cluster_available_since IS 'when the cluster became ready for jobs';
COMMENT ON COLUMN public.jobs.package_id IS 'id of the package, as the job gives it';
COMMENT ON COLUMN public.jobs.package_name IS 'the package''s name';
COMMENT ON COLUMN public.jobs.package_url IS 'the package''s URL in the API';
COMMENT ON COLUMN public.jobs.package_updated_at IS 'when the package was last edited';
COMMENT ON COLUMN public.jobs.creator_type IS 'User or Schedule';
COMMENT ON COLUMN public.jobs.creator_id IS 'id of that user or schedule';
COMMENT ON COLUMN public.jobs.creator_display_name IS 'the creator''s name';
COMMENT ON COLUMN public.jobs.creator_url IS 'the creator''s URL in the API';
COMMENT ON COLUMN public.jobs.errors IS 'the error text of the API';
COMMENT ON COLUMN public.jobs.runtime_in_seconds IS 'seconds that the job ran; seconds so far while it runs';
COMMENT ON COLUMN public.jobs.attempts IS 'retries made by the schedule';
COMMENT ON COLUMN public.jobs.master_auto_retry_attempts IS 'retries allowed by the schedule';
COMMENT ON COLUMN public.jobs.variables IS 'variables, values masked';
COMMENT ON COLUMN public.jobs.dynamic_variables IS 'variables computed at run time, values masked';
COMMENT ON COLUMN public.jobs.url IS 'the job''s URL in the API';
COMMENT ON COLUMN public.jobs.html_url IS 'URL of the job''s web page';
COMMENT ON COLUMN public.jobs.log_url IS 'URL of the job''s log in the API';
COMMENT ON COLUMN public.jobs.extra IS 'everything that the API sent and that has no column, under the API''s names';
COMMENT ON COLUMN public.jobs.run_date IS 'the UTC date of started_at, or of created_at if that is null';
COMMENT ON COLUMN public.jobs.queue_seconds IS 'seconds from created_at to started_at';
COMMENT ON COLUMN public.jobs.finished_at IS 'for a final job: completed_at, else failed_at, else updated_at';
COMMENT ON COLUMN public.jobs.first_seen_at IS 'when the job was first read';
COMMENT ON COLUMN public.jobs.last_changed_at IS 'when a run last found it changed';
COMMENT ON COLUMN public.jobs.snapshot_id IS 'the run that last changed the row';
COMMENT ON COLUMN public.jobs.gone_at IS 'when the job was first found to be missing at the API';
COMMENT ON COLUMN public.jobs.created_epoch IS 'created_at in whole seconds since 1970; engines subtract times differently';
COMMENT ON COLUMN public.jobs.started_epoch IS 'started_at in whole seconds since 1970';
COMMENT ON COLUMN public.jobs.finished_epoch IS 'finished_at in whole seconds since 1970';
COMMENT ON COLUMN public.jobs.cluster_wait_seconds IS 'the part of queue_seconds before the cluster was ready';
COMMENT ON COLUMN public.jobs.error_fingerprint IS 'errors without ids, numbers, dates and paths, so that equal causes are equal';
CREATE TABLE public.output_fields (
    output_id bigint NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL
);
COMMENT ON TABLE public.output_fields IS 'One row per field of an output';
COMMENT ON COLUMN public.output_fields.output_id IS 'the output that has the field';
COMMENT ON COLUMN public.output_fields."position" IS 'the field''s position in the output, from 1';
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
COMMENT ON TABLE public.rejected_records IS 'One row per record that could not be loaded, until it can be';
COMMENT ON COLUMN public.rejected_records.id IS 'id of this row';
COMMENT ON COLUMN public.rejected_records.snapshot_id IS 'the run that last set it aside';
COMMENT ON COLUMN public.rejected_records.account_id IS 'the account it was read from';
COMMENT ON COLUMN public.rejected_records.job_id IS 'the record''s job id, if it has one';
COMMENT ON COLUMN public.rejected_records.reason IS 'what is wrong, and where in the record';
COMMENT ON COLUMN public.rejected_records.payload IS 'the record as received, secrets masked; JSON null if none was received; cut if it is too long';
COMMENT ON COLUMN public.rejected_records.rejected_at IS 'when it was set aside';
COMMENT ON COLUMN public.rejected_records.attempts IS 'number of tries since the record last changed';
COMMENT ON COLUMN public.rejected_records.next_attempt_at IS 'no run requests the record again before this; null: the next run does';
COMMENT ON COLUMN public.rejected_records.program_version IS 'the version of this program that last tried it';
COMMENT ON COLUMN public.rejected_records.digest IS 'digest of the whole record without its package and cluster, to detect changes';
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
COMMENT ON TABLE public.snapshots IS 'One row per run of sync, however it ended';
COMMENT ON COLUMN public.snapshots.id IS 'id of the run';
COMMENT ON COLUMN public.snapshots.account_id IS 'the account that the run read';
COMMENT ON COLUMN public.snapshots.kind IS 'full, incremental or jobs';
COMMENT ON COLUMN public.snapshots.status IS 'running, completed, partial or failed';
COMMENT ON COLUMN public.snapshots.started_at IS 'when the run began, by this host''s clock';
COMMENT ON COLUMN public.snapshots.finished_at IS 'when the run ended, by this host''s clock';
COMMENT ON COLUMN public.snapshots.since IS 'the since from which the run listed; null if it had none';
COMMENT ON COLUMN public.snapshots.watermark IS 'the account''s watermark after the run, if the run moved it';
COMMENT ON COLUMN public.snapshots.requests IS 'HTTP requests sent, including retries';
COMMENT ON COLUMN public.snapshots.pages IS 'pages of the list that the run read';
COMMENT ON COLUMN public.snapshots.jobs_seen IS 'distinct jobs that the API returned';
COMMENT ON COLUMN public.snapshots.jobs_inserted IS 'jobs that were new';
COMMENT ON COLUMN public.snapshots.jobs_changed IS 'jobs whose rows changed';
COMMENT ON COLUMN public.snapshots.jobs_unchanged IS 'jobs whose rows stayed the same';
COMMENT ON COLUMN public.snapshots.jobs_rejected IS 'records set aside';
COMMENT ON COLUMN public.snapshots.credits_remaining IS 'credits left in the hour, by the last answer';
COMMENT ON COLUMN public.snapshots.error IS 'why the run did not complete, or what it could not request';
COMMENT ON COLUMN public.snapshots.credits_spent IS 'requests sent that cost a credit, including retries';
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
INSERT INTO public.alembic_version VALUES ('0005');
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
