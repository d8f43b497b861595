set foreign_key_checks = 0;

CREATE TABLE `accounts` (
  `account_id` varchar(255) NOT NULL COMMENT 'the account id, as in the API''s URLs',
  `api_url` longtext NOT NULL COMMENT 'base URL of the service that has the account',
  `watermark` datetime(6) DEFAULT NULL COMMENT 'the server''s time when the last complete listing began; everything updated before it is stored',
  `newest_updated_at` datetime(6) DEFAULT NULL COMMENT 'the latest updated_at when the last listing began; the next one starts no later',
  `page_size` int(11) DEFAULT NULL COMMENT 'the most jobs that the server has returned in one page',
  `listing_since` datetime(6) DEFAULT NULL COMMENT 'the since of the listing in progress; null if it lists all jobs',
  `listing_clock` datetime(6) DEFAULT NULL COMMENT 'the server''s time when the listing in progress began',
  `listing_offset` bigint(20) DEFAULT NULL COMMENT 'the offset at which the listing in progress continues; null if there is none',
  `listing_edge` datetime(6) DEFAULT NULL COMMENT 'every job created before this is read, in the listing in progress',
  `sends_links` tinyint(1) DEFAULT NULL COMMENT 'whether the server links a page to its neighbours, so that a page without links is the only one',
  `refreshed_id` bigint(20) DEFAULT NULL COMMENT 'the last job that a run requested by id before it had to stop',
  `counted_at` datetime(6) DEFAULT NULL COMMENT 'the server''s time when the account''s jobs were last counted',
  `unlisted` bigint(20) DEFAULT NULL COMMENT 'jobs that exist at the API but were missing from its list at the last count; negative if the list repeats equal records without an id, which are stored once',
  `watermark_epoch` bigint(20) DEFAULT NULL COMMENT 'watermark in whole seconds since 1970',
  `vanishing_since` datetime(6) DEFAULT NULL COMMENT 'when a run first missed more jobs than one run may mark as gone; a later run confirms it',
  PRIMARY KEY (`account_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row per account, and how far it is read';

insert into accounts (account_id, api_url, watermark, newest_updated_at, page_size, listing_since, listing_clock, listing_offset, listing_edge, sends_links, refreshed_id, counted_at, unlisted, watermark_epoch, vanishing_since) values ('Acme', 'https://api.xplenty.com', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL);

insert into accounts (account_id, api_url, watermark, newest_updated_at, page_size, listing_since, listing_clock, listing_offset, listing_edge, sends_links, refreshed_id, counted_at, unlisted, watermark_epoch, vanishing_since) values ('acme', 'https://api.xplenty.com', '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', 100, '2026-01-05 03:04:05.678901', NULL, 98, NULL, 1, NULL, NULL, -2, 1767582245, NULL);

CREATE TABLE `alembic_version` (
  `version_num` varchar(32) NOT NULL,
  PRIMARY KEY (`version_num`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci ROW_FORMAT=DYNAMIC;

insert into alembic_version (version_num) values ('0005');

CREATE TABLE `calendar` (
  `day` date NOT NULL COMMENT 'the day',
  `week` date NOT NULL COMMENT 'the Monday of the day''s week',
  `month` date NOT NULL COMMENT 'the first day of the day''s month',
  `weekday` smallint(6) NOT NULL COMMENT '1 (Monday) to 7 (Sunday)',
  `epoch` bigint(20) DEFAULT NULL COMMENT 'midnight UTC of the day in whole seconds since 1970',
  PRIMARY KEY (`day`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row per day from 2010 to 2049';

insert into calendar (day, week, month, weekday, epoch) values ('2010-01-01', '2009-12-28', '2010-01-01', 5, 1262304000);

insert into calendar (day, week, month, weekday, epoch) values ('2026-01-05', '2026-01-05', '2026-01-01', 1, 1767571200);

insert into calendar (day, week, month, weekday, epoch) values ('2049-12-31', '2049-12-27', '2049-12-01', 5, 2524521600);

CREATE TABLE `job_changes` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT COMMENT 'increases in the order of observation',
  `job_id` bigint(20) NOT NULL COMMENT 'the job',
  `snapshot_id` bigint(20) NOT NULL COMMENT 'the run that observed it',
  `observed_at` datetime(6) NOT NULL COMMENT 'when it was observed',
  `status` varchar(255) DEFAULT NULL COMMENT 'the job''s status then',
  `progress` double DEFAULT NULL COMMENT '0 to 1',
  `runtime_in_seconds` bigint(20) DEFAULT NULL COMMENT 'seconds that the job had run',
  `outputs_count` bigint(20) DEFAULT NULL COMMENT 'number of outputs, as counted by the API',
  `records_count` bigint(20) DEFAULT NULL COMMENT 'records written, summed over the job''s outputs',
  PRIMARY KEY (`id`),
  KEY `ix_job_changes_job_id` (`job_id`)
) ENGINE=InnoDB AUTO_INCREMENT=11 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row per state in which a job was seen';

insert into job_changes (id, job_id, snapshot_id, observed_at, status, progress, runtime_in_seconds, outputs_count, records_count) values (5, 7, 1, '2026-01-05 03:04:05.678901', 'running', NULL, NULL, NULL, NULL);

insert into job_changes (id, job_id, snapshot_id, observed_at, status, progress, runtime_in_seconds, outputs_count, records_count) values (9, 7, 3, '2026-01-05 04:00:00', NULL, 0.5e0, NULL, NULL, NULL);

insert into job_changes (id, job_id, snapshot_id, observed_at, status, progress, runtime_in_seconds, outputs_count, records_count) values (10, 99, 1, '2026-01-05 03:04:05.678901', NULL, NULL, NULL, NULL, NULL);

CREATE TABLE `job_outputs` (
  `id` bigint(20) NOT NULL COMMENT 'the output''s id at the API',
  `job_id` bigint(20) NOT NULL COMMENT 'the job that wrote it',
  `name` longtext DEFAULT NULL COMMENT 'the output''s name',
  `records_count` bigint(20) DEFAULT NULL COMMENT 'number of records written',
  `progress` double DEFAULT NULL COMMENT '0 to 1',
  `created_at` datetime(6) DEFAULT NULL COMMENT 'when the API created the output',
  `updated_at` datetime(6) DEFAULT NULL COMMENT 'when the API last updated the output',
  `url` longtext DEFAULT NULL COMMENT 'the output''s URL in the API',
  `preview_url` longtext DEFAULT NULL COMMENT 'URL of the output''s first records in the API',
  `preview_type` longtext DEFAULT NULL COMMENT 'format of the preview',
  `component_name` longtext DEFAULT NULL COMMENT 'name of the package''s destination component',
  `component_type` longtext DEFAULT NULL COMMENT 'what the component writes to',
  `extra` longtext DEFAULT NULL COMMENT 'everything that the API sent and that has no column, under the API''s names' CHECK (json_valid(`extra`)),
  `fields_digest` varchar(16) DEFAULT NULL COMMENT 'digest of the fields in their order; equal as long as an output''s fields stay the same',
  PRIMARY KEY (`id`),
  KEY `ix_job_outputs_job_id` (`job_id`),
  KEY `ix_job_outputs_fields_digest` (`fields_digest`),
  CONSTRAINT `fk_job_outputs_job_id_jobs` FOREIGN KEY (`job_id`) REFERENCES `jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row per output of a job';

insert into job_outputs (id, job_id, name, records_count, progress, created_at, updated_at, url, preview_url, preview_type, component_name, component_type, extra, fields_digest) values (9223372036854775807, 7, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n', 9223372036854775807, NULL, '2026-01-05 03:04:05.678901', NULL, NULL, NULL, NULL, '', NULL, '[]', '5dfc582a7d4ec855');

CREATE TABLE `jobs` (
  `id` bigint(20) NOT NULL COMMENT 'the job''s id at the API',
  `account_id` varchar(255) NOT NULL COMMENT 'the account it was read from',
  `status` varchar(255) DEFAULT NULL COMMENT 'idle, pending, queued, running, pending_stoppage, stopping; final: completed, failed, stopped',
  `owner_id` bigint(20) DEFAULT NULL COMMENT 'id of the user who owns the job',
  `progress` double DEFAULT NULL COMMENT '0 to 1',
  `outputs_count` bigint(20) DEFAULT NULL COMMENT 'number of outputs, as counted by the API',
  `created_at` datetime(6) DEFAULT NULL COMMENT 'when the job was requested',
  `started_at` datetime(6) DEFAULT NULL COMMENT 'when the job began to run',
  `failed_at` datetime(6) DEFAULT NULL COMMENT 'when the job failed',
  `completed_at` datetime(6) DEFAULT NULL COMMENT 'when the job ended, whatever its final status',
  `updated_at` datetime(6) DEFAULT NULL COMMENT 'when the API last updated the job; progress alone does not move it',
  `cluster_id` bigint(20) DEFAULT NULL COMMENT 'id of the cluster, as the job gives it',
  `cluster_name` longtext DEFAULT NULL COMMENT 'the cluster''s name',
  `cluster_url` longtext DEFAULT NULL COMMENT 'the cluster''s URL in the API',
  `cluster_nodes` bigint(20) DEFAULT NULL COMMENT 'number of nodes of the cluster',
  `cluster_available_since` datetime(6) DEFAULT NULL COMMENT 'when the cluster became ready for jobs',
  `package_id` bigint(20) DEFAULT NULL COMMENT 'id of the package, as the job gives it',
  `package_name` longtext DEFAULT NULL COMMENT 'the package''s name',
  `package_url` longtext DEFAULT NULL COMMENT 'the package''s URL in the API',
  `package_updated_at` datetime(6) DEFAULT NULL COMMENT 'when the package was last edited',
  `creator_type` longtext DEFAULT NULL COMMENT 'User or Schedule',
  `creator_id` bigint(20) DEFAULT NULL COMMENT 'id of that user or schedule',
  `creator_display_name` longtext DEFAULT NULL COMMENT 'the creator''s name',
  `creator_url` longtext DEFAULT NULL COMMENT 'the creator''s URL in the API',
  `errors` longtext DEFAULT NULL COMMENT 'the error text of the API',
  `runtime_in_seconds` bigint(20) DEFAULT NULL COMMENT 'seconds that the job ran; seconds so far while it runs',
  `attempts` bigint(20) DEFAULT NULL COMMENT 'retries made by the schedule',
  `master_auto_retry_attempts` bigint(20) DEFAULT NULL COMMENT 'retries allowed by the schedule',
  `variables` longtext DEFAULT NULL COMMENT 'variables, values masked' CHECK (json_valid(`variables`)),
  `dynamic_variables` longtext DEFAULT NULL COMMENT 'variables computed at run time, values masked' CHECK (json_valid(`dynamic_variables`)),
  `url` longtext DEFAULT NULL COMMENT 'the job''s URL in the API',
  `html_url` longtext DEFAULT NULL COMMENT 'URL of the job''s web page',
  `log_url` longtext DEFAULT NULL COMMENT 'URL of the job''s log in the API',
  `extra` longtext DEFAULT NULL COMMENT 'everything that the API sent and that has no column, under the API''s names' CHECK (json_valid(`extra`)),
  `run_date` date DEFAULT NULL COMMENT 'the UTC date of started_at, or of created_at if that is null',
  `queue_seconds` bigint(20) DEFAULT NULL COMMENT 'seconds from created_at to started_at',
  `finished_at` datetime(6) DEFAULT NULL COMMENT 'for a final job: completed_at, else failed_at, else updated_at',
  `first_seen_at` datetime(6) NOT NULL COMMENT 'when the job was first read',
  `last_changed_at` datetime(6) NOT NULL COMMENT 'when a run last found it changed',
  `snapshot_id` bigint(20) NOT NULL COMMENT 'the run that last changed the row',
  `gone_at` datetime(6) DEFAULT NULL COMMENT 'when the job was first found to be missing at the API',
  `created_epoch` bigint(20) DEFAULT NULL COMMENT 'created_at in whole seconds since 1970; engines subtract times differently',
  `started_epoch` bigint(20) DEFAULT NULL COMMENT 'started_at in whole seconds since 1970',
  `finished_epoch` bigint(20) DEFAULT NULL COMMENT 'finished_at in whole seconds since 1970',
  `cluster_wait_seconds` bigint(20) DEFAULT NULL COMMENT 'the part of queue_seconds before the cluster was ready',
  `error_fingerprint` varchar(255) DEFAULT NULL COMMENT 'errors without ids, numbers, dates and paths, so that equal causes are equal',
  PRIMARY KEY (`id`),
  KEY `ix_jobs_package_id_run_date` (`package_id`,`run_date`),
  KEY `ix_jobs_account_id_gone_at_finished_at` (`account_id`,`gone_at`,`finished_at`),
  KEY `ix_jobs_runs` (`status`,`package_id`,`run_date`,`runtime_in_seconds`,`finished_epoch`),
  KEY `ix_jobs_epochs` (`account_id`,`finished_epoch`,`started_epoch`,`created_epoch`,`package_id`),
  KEY `ix_jobs_named` (`package_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row per job: one run of a package on a cluster';

insert into jobs (id, account_id, status, owner_id, progress, outputs_count, created_at, started_at, failed_at, completed_at, updated_at, cluster_id, cluster_name, cluster_url, cluster_nodes, cluster_available_since, package_id, package_name, package_url, package_updated_at, creator_type, creator_id, creator_display_name, creator_url, errors, runtime_in_seconds, attempts, master_auto_retry_attempts, variables, dynamic_variables, url, html_url, log_url, extra, run_date, queue_seconds, finished_at, first_seen_at, last_changed_at, snapshot_id, gone_at, created_epoch, started_epoch, finished_epoch, cluster_wait_seconds, error_fingerprint) values (7, 'acme', 'failed', -9223372036854775808, 0.30000000000000004e0, NULL, '2026-01-05 03:00:00', '2026-01-05 03:01:00.500000', '2026-01-05 04:00:00', NULL, '2026-01-05 03:04:05.678901', 52, NULL, NULL, NULL, '2026-01-05 03:00:30', 434, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n', NULL, NULL, NULL, NULL, NULL, NULL, 'Job 17 has no /tmp/a', 3540, NULL, NULL, '{\"b\":1,\"a\":[1.5,null,\"ä\"]}', '{}', NULL, NULL, NULL, '{\"log_summary\":\"größe 📦 \'x\' \\\"y\\\" %s \\\\ \\\\n\\ttab\\n\",\"large\":18446744073709551616}', '2026-01-05', 60, '2026-01-05 04:00:00', '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', 1, NULL, 1767582000, 1767582060, 1767585600, 30, 'Job # has no <path>');

insert into jobs (id, account_id, status, owner_id, progress, outputs_count, created_at, started_at, failed_at, completed_at, updated_at, cluster_id, cluster_name, cluster_url, cluster_nodes, cluster_available_since, package_id, package_name, package_url, package_updated_at, creator_type, creator_id, creator_display_name, creator_url, errors, runtime_in_seconds, attempts, master_auto_retry_attempts, variables, dynamic_variables, url, html_url, log_url, extra, run_date, queue_seconds, finished_at, first_seen_at, last_changed_at, snapshot_id, gone_at, created_epoch, started_epoch, finished_epoch, cluster_wait_seconds, error_fingerprint) values (8, 'deleted', 'running', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', 20, NULL, NULL, NULL, NULL, NULL, NULL);

insert into jobs (id, account_id, status, owner_id, progress, outputs_count, created_at, started_at, failed_at, completed_at, updated_at, cluster_id, cluster_name, cluster_url, cluster_nodes, cluster_available_since, package_id, package_name, package_url, package_updated_at, creator_type, creator_id, creator_display_name, creator_url, errors, runtime_in_seconds, attempts, master_auto_retry_attempts, variables, dynamic_variables, url, html_url, log_url, extra, run_date, queue_seconds, finished_at, first_seen_at, last_changed_at, snapshot_id, gone_at, created_epoch, started_epoch, finished_epoch, cluster_wait_seconds, error_fingerprint) values (9223372036854775807, 'acme', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', 3, '2026-01-05 04:00:00', NULL, NULL, NULL, NULL, NULL);

CREATE TABLE `output_fields` (
  `output_id` bigint(20) NOT NULL COMMENT 'the output that has the field',
  `position` int(11) NOT NULL COMMENT 'the field''s position in the output, from 1',
  `name` longtext NOT NULL COMMENT 'the field''s name',
  PRIMARY KEY (`output_id`,`position`),
  CONSTRAINT `fk_output_fields_output_id_job_outputs` FOREIGN KEY (`output_id`) REFERENCES `job_outputs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row per field of an output';

insert into output_fields (output_id, position, name) values (9223372036854775807, 1, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n');

insert into output_fields (output_id, position, name) values (9223372036854775807, 2, '');

CREATE TABLE `rejected_records` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT COMMENT 'id of this row',
  `snapshot_id` bigint(20) NOT NULL COMMENT 'the run that last set it aside',
  `account_id` varchar(255) NOT NULL COMMENT 'the account it was read from',
  `job_id` bigint(20) DEFAULT NULL COMMENT 'the record''s job id, if it has one',
  `reason` longtext NOT NULL COMMENT 'what is wrong, and where in the record',
  `payload` longtext NOT NULL COMMENT 'the record as received, secrets masked; JSON null if none was received; cut if it is too long',
  `rejected_at` datetime(6) NOT NULL COMMENT 'when it was set aside',
  `attempts` int(11) DEFAULT NULL COMMENT 'number of tries since the record last changed',
  `next_attempt_at` datetime(6) DEFAULT NULL COMMENT 'no run requests the record again before this; null: the next run does',
  `program_version` varchar(64) DEFAULT NULL COMMENT 'the version of this program that last tried it',
  `digest` varchar(32) DEFAULT NULL COMMENT 'digest of the whole record without its package and cluster, to detect changes',
  PRIMARY KEY (`id`),
  KEY `ix_rejected_records_account_id_job_id` (`account_id`,`job_id`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row per record that could not be loaded, until it can be';

insert into rejected_records (id, snapshot_id, account_id, job_id, reason, payload, rejected_at, attempts, next_attempt_at, program_version, digest) values (4, 1, 'acme', 12, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n', '{\"id\":12,\"name\":\"größe 📦 \'x\' \\\"y\\\" %s \\\\ \\\\n\\ttab\\n\"}', '2026-01-05 03:04:05.678901', NULL, NULL, NULL, NULL);

insert into rejected_records (id, snapshot_id, account_id, job_id, reason, payload, rejected_at, attempts, next_attempt_at, program_version, digest) values (6, 2, 'nobody', 13, 'no id', 'null', '2026-01-05 04:00:00', NULL, NULL, NULL, NULL);

CREATE TABLE `snapshots` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT COMMENT 'id of the run',
  `account_id` varchar(255) NOT NULL COMMENT 'the account that the run read',
  `kind` varchar(16) NOT NULL COMMENT 'full, incremental or jobs',
  `status` varchar(16) NOT NULL COMMENT 'running, completed, partial or failed',
  `started_at` datetime(6) NOT NULL COMMENT 'when the run began, by this host''s clock',
  `finished_at` datetime(6) DEFAULT NULL COMMENT 'when the run ended, by this host''s clock',
  `since` datetime(6) DEFAULT NULL COMMENT 'the since from which the run listed; null if it had none',
  `watermark` datetime(6) DEFAULT NULL COMMENT 'the account''s watermark after the run, if the run moved it',
  `requests` int(11) NOT NULL COMMENT 'HTTP requests sent, including retries',
  `pages` int(11) NOT NULL COMMENT 'pages of the list that the run read',
  `jobs_seen` int(11) NOT NULL COMMENT 'distinct jobs that the API returned',
  `jobs_inserted` int(11) NOT NULL COMMENT 'jobs that were new',
  `jobs_changed` int(11) NOT NULL COMMENT 'jobs whose rows changed',
  `jobs_unchanged` int(11) NOT NULL COMMENT 'jobs whose rows stayed the same',
  `jobs_rejected` int(11) NOT NULL COMMENT 'records set aside',
  `credits_remaining` int(11) DEFAULT NULL COMMENT 'credits left in the hour, by the last answer',
  `error` longtext DEFAULT NULL COMMENT 'why the run did not complete, or what it could not request',
  `credits_spent` int(11) DEFAULT NULL COMMENT 'requests sent that cost a credit, including retries',
  `started_epoch` bigint(20) DEFAULT NULL COMMENT 'started_at in whole seconds since 1970',
  `finished_epoch` bigint(20) DEFAULT NULL COMMENT 'finished_at in whole seconds since 1970',
  `watermark_epoch` bigint(20) DEFAULT NULL COMMENT 'watermark in whole seconds since 1970',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row per run of sync, however it ended';

insert into snapshots (id, account_id, kind, status, started_at, finished_at, since, watermark, requests, pages, jobs_seen, jobs_inserted, jobs_changed, jobs_unchanged, jobs_rejected, credits_remaining, error, credits_spent, started_epoch, finished_epoch, watermark_epoch) values (1, 'acme', 'full', 'completed', '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', NULL, '2026-01-05 03:04:05.678901', 3, 3, 3, 3, 3, 3, 3, 3, NULL, 3, 1767582245, 1767585600, 1767582245);

insert into snapshots (id, account_id, kind, status, started_at, finished_at, since, watermark, requests, pages, jobs_seen, jobs_inserted, jobs_changed, jobs_unchanged, jobs_rejected, credits_remaining, error, credits_spent, started_epoch, finished_epoch, watermark_epoch) values (3, 'Acme', 'jobs', 'failed', '2026-01-05 04:00:00', NULL, NULL, NULL, 3, 3, 3, 3, 3, 3, 3, 3, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n', 3, 1767585600, NULL, NULL);

set foreign_key_checks = 1;

