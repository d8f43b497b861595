set foreign_key_checks = 0;

CREATE TABLE `accounts` (
  `account_id` varchar(255) NOT NULL COMMENT 'the account''s name in the API''s URLs',
  `api_url` longtext NOT NULL COMMENT 'the service that the account lives on',
  `watermark` datetime(6) DEFAULT NULL COMMENT 'the server''s clock when the last whole listing began; all before is here',
  `newest_updated_at` datetime(6) DEFAULT NULL COMMENT 'the latest updated_at when the last listing began; none starts after it',
  `page_size` int(11) DEFAULT NULL COMMENT 'the most jobs that the server has given in one page',
  `listing_since` datetime(6) DEFAULT NULL COMMENT 'the since of the listing under way; null when it is of the whole',
  `listing_clock` datetime(6) DEFAULT NULL COMMENT 'the server''s clock when the listing under way began',
  `listing_offset` bigint(20) DEFAULT NULL COMMENT 'where the listing under way goes on; null when there is none',
  `listing_edge` datetime(6) DEFAULT NULL COMMENT 'the created_at before which all of the listing under way was read',
  `sends_links` tinyint(1) DEFAULT NULL COMMENT 'the server names the pages around one, so one that names none is alone',
  `refreshed_id` bigint(20) DEFAULT NULL COMMENT 'the last job that a run asked for by id before it had to stop',
  `counted_at` datetime(6) DEFAULT NULL COMMENT 'the server''s clock when its jobs were last counted',
  `unlisted` bigint(20) DEFAULT NULL COMMENT 'jobs here that the list did not have then, though the API gave them by id; less than none: records without an id, all alike, that are here once',
  `watermark_epoch` bigint(20) DEFAULT NULL COMMENT 'watermark in whole seconds since 1970',
  `vanishing_since` datetime(6) DEFAULT NULL COMMENT 'when a run first missed more jobs than it may mark as gone; a later run confirms it',
  PRIMARY KEY (`account_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='The accounts read, and how far';

insert into accounts (account_id, api_url, watermark, newest_updated_at, page_size, listing_since, listing_clock, listing_offset, listing_edge, sends_links, refreshed_id, counted_at, unlisted, watermark_epoch, vanishing_since) values ('Acme', 'https://api.xplenty.com', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL);

insert into accounts (account_id, api_url, watermark, newest_updated_at, page_size, listing_since, listing_clock, listing_offset, listing_edge, sends_links, refreshed_id, counted_at, unlisted, watermark_epoch, vanishing_since) values ('acme', 'https://api.xplenty.com', '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', 100, '2026-01-05 03:04:05.678901', NULL, 98, NULL, 1, NULL, NULL, -2, 1767582245, NULL);

CREATE TABLE `alembic_version` (
  `version_num` varchar(32) NOT NULL,
  PRIMARY KEY (`version_num`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci ROW_FORMAT=DYNAMIC;

insert into alembic_version (version_num) values ('0004');

CREATE TABLE `calendar` (
  `day` date NOT NULL COMMENT 'the day',
  `week` date NOT NULL COMMENT 'the Monday of its week',
  `month` date NOT NULL COMMENT 'the first day of its month',
  `weekday` smallint(6) NOT NULL COMMENT '1 Monday to 7 Sunday',
  `epoch` bigint(20) DEFAULT NULL COMMENT 'its midnight UTC in whole seconds since 1970',
  PRIMARY KEY (`day`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='The days of 2010 to 2049';

insert into calendar (day, week, month, weekday, epoch) values ('2010-01-01', '2009-12-28', '2010-01-01', 5, 1262304000);

insert into calendar (day, week, month, weekday, epoch) values ('2026-01-05', '2026-01-05', '2026-01-01', 1, 1767571200);

insert into calendar (day, week, month, weekday, epoch) values ('2049-12-31', '2049-12-27', '2049-12-01', 5, 2524521600);

CREATE TABLE `job_changes` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT COMMENT 'the order of observation',
  `job_id` bigint(20) NOT NULL COMMENT 'the job',
  `snapshot_id` bigint(20) NOT NULL COMMENT 'the run that saw it',
  `observed_at` datetime(6) NOT NULL COMMENT 'when it was seen',
  `status` varchar(255) DEFAULT NULL COMMENT 'the job''s status then',
  `progress` double DEFAULT NULL COMMENT '0 to 1',
  `runtime_in_seconds` bigint(20) DEFAULT NULL COMMENT 'seconds it had run',
  `outputs_count` bigint(20) DEFAULT NULL COMMENT 'outputs, by the API''s count',
  `records_count` bigint(20) DEFAULT NULL COMMENT 'records written, summed over its outputs',
  PRIMARY KEY (`id`),
  KEY `ix_job_changes_job_id` (`job_id`)
) ENGINE=InnoDB AUTO_INCREMENT=11 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row whenever a job''s state was seen to move';

insert into job_changes (id, job_id, snapshot_id, observed_at, status, progress, runtime_in_seconds, outputs_count, records_count) values (5, 7, 1, '2026-01-05 03:04:05.678901', 'running', NULL, NULL, NULL, NULL);

insert into job_changes (id, job_id, snapshot_id, observed_at, status, progress, runtime_in_seconds, outputs_count, records_count) values (9, 7, 3, '2026-01-05 04:00:00', NULL, 0.5e0, NULL, NULL, NULL);

insert into job_changes (id, job_id, snapshot_id, observed_at, status, progress, runtime_in_seconds, outputs_count, records_count) values (10, 99, 1, '2026-01-05 03:04:05.678901', NULL, NULL, NULL, NULL, NULL);

CREATE TABLE `job_outputs` (
  `id` bigint(20) NOT NULL COMMENT 'the output, as the API numbers it',
  `job_id` bigint(20) NOT NULL COMMENT 'the job that wrote it',
  `name` longtext DEFAULT NULL COMMENT 'the output''s name',
  `records_count` bigint(20) DEFAULT NULL COMMENT 'records written',
  `progress` double DEFAULT NULL COMMENT '0 to 1',
  `created_at` datetime(6) DEFAULT NULL COMMENT 'when it was begun',
  `updated_at` datetime(6) DEFAULT NULL COMMENT 'when it last changed',
  `url` longtext DEFAULT NULL COMMENT 'the output in the API',
  `preview_url` longtext DEFAULT NULL COMMENT 'its first records in the API',
  `preview_type` longtext DEFAULT NULL COMMENT 'the preview''s format',
  `component_name` longtext DEFAULT NULL COMMENT 'the destination component of the package',
  `component_type` longtext DEFAULT NULL COMMENT 'what the component writes to',
  `extra` longtext DEFAULT NULL COMMENT 'what the API sent and no column holds, under its own names' CHECK (json_valid(`extra`)),
  `fields_digest` varchar(16) DEFAULT NULL COMMENT 'equal for an output of a package while its fields stay, in their order',
  PRIMARY KEY (`id`),
  KEY `ix_job_outputs_job_id` (`job_id`),
  KEY `ix_job_outputs_fields_digest` (`fields_digest`),
  CONSTRAINT `fk_job_outputs_job_id_jobs` FOREIGN KEY (`job_id`) REFERENCES `jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row an output of a job';

insert into job_outputs (id, job_id, name, records_count, progress, created_at, updated_at, url, preview_url, preview_type, component_name, component_type, extra, fields_digest) values (9223372036854775807, 7, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n', 9223372036854775807, NULL, '2026-01-05 03:04:05.678901', NULL, NULL, NULL, NULL, '', NULL, '[]', '5dfc582a7d4ec855');

CREATE TABLE `jobs` (
  `id` bigint(20) NOT NULL COMMENT 'the job, as the API numbers it',
  `account_id` varchar(255) NOT NULL COMMENT 'the account it was read from',
  `status` varchar(255) DEFAULT NULL COMMENT 'idle, pending, queued, running, pending_stoppage, stopping; final: completed, failed, stopped',
  `owner_id` bigint(20) DEFAULT NULL COMMENT 'the user who owns it',
  `progress` double DEFAULT NULL COMMENT '0 to 1',
  `outputs_count` bigint(20) DEFAULT NULL COMMENT 'outputs, by the API''s count',
  `created_at` datetime(6) DEFAULT NULL COMMENT 'when it was asked for',
  `started_at` datetime(6) DEFAULT NULL COMMENT 'when it began to run',
  `failed_at` datetime(6) DEFAULT NULL COMMENT 'when it failed',
  `completed_at` datetime(6) DEFAULT NULL COMMENT 'when it ended, however it ended',
  `updated_at` datetime(6) DEFAULT NULL COMMENT 'when the API last touched it; does not move with progress',
  `cluster_id` bigint(20) DEFAULT NULL COMMENT 'the cluster, by the job',
  `cluster_name` longtext DEFAULT NULL COMMENT 'the cluster''s name',
  `cluster_url` longtext DEFAULT NULL COMMENT 'the cluster in the API',
  `cluster_nodes` bigint(20) DEFAULT NULL COMMENT 'the cluster''s nodes',
  `cluster_available_since` datetime(6) DEFAULT NULL COMMENT 'when the cluster was ready for jobs',
  `package_id` bigint(20) DEFAULT NULL COMMENT 'the package, by the job',
  `package_name` longtext DEFAULT NULL COMMENT 'the package''s name',
  `package_url` longtext DEFAULT NULL COMMENT 'the package in the API',
  `package_updated_at` datetime(6) DEFAULT NULL COMMENT 'when the package was last edited',
  `creator_type` longtext DEFAULT NULL COMMENT 'User or Schedule',
  `creator_id` bigint(20) DEFAULT NULL COMMENT 'the user or the schedule',
  `creator_display_name` longtext DEFAULT NULL COMMENT 'the creator''s name',
  `creator_url` longtext DEFAULT NULL COMMENT 'the creator in the API',
  `errors` longtext DEFAULT NULL COMMENT 'what went wrong, in the API''s words',
  `runtime_in_seconds` bigint(20) DEFAULT NULL COMMENT 'seconds it ran; so far, while it runs',
  `attempts` bigint(20) DEFAULT NULL COMMENT 'retries done by the schedule',
  `master_auto_retry_attempts` bigint(20) DEFAULT NULL COMMENT 'retries allowed by the schedule',
  `variables` longtext DEFAULT NULL COMMENT 'variables, values masked' CHECK (json_valid(`variables`)),
  `dynamic_variables` longtext DEFAULT NULL COMMENT 'variables worked out at run time, values masked' CHECK (json_valid(`dynamic_variables`)),
  `url` longtext DEFAULT NULL COMMENT 'the job in the API',
  `html_url` longtext DEFAULT NULL COMMENT 'the job''s page',
  `log_url` longtext DEFAULT NULL COMMENT 'the job''s log in the API',
  `extra` longtext DEFAULT NULL COMMENT 'what the API sent and no column holds, under its own names' CHECK (json_valid(`extra`)),
  `run_date` date DEFAULT NULL COMMENT 'the UTC date of started_at, else of created_at',
  `queue_seconds` bigint(20) DEFAULT NULL COMMENT 'seconds from created_at to started_at',
  `finished_at` datetime(6) DEFAULT NULL COMMENT 'of a final job: completed_at, else failed_at, else updated_at',
  `first_seen_at` datetime(6) NOT NULL COMMENT 'when the job was first read',
  `last_changed_at` datetime(6) NOT NULL COMMENT 'when a run last found it changed',
  `snapshot_id` bigint(20) NOT NULL COMMENT 'the run that last changed the row',
  `gone_at` datetime(6) DEFAULT NULL COMMENT 'when the API was first found to have the job no more',
  `created_epoch` bigint(20) DEFAULT NULL COMMENT 'created_at in whole seconds since 1970: engines disagree on differences',
  `started_epoch` bigint(20) DEFAULT NULL COMMENT 'started_at in whole seconds since 1970',
  `finished_epoch` bigint(20) DEFAULT NULL COMMENT 'finished_at in whole seconds since 1970',
  `cluster_wait_seconds` bigint(20) DEFAULT NULL COMMENT 'those of queue_seconds in which the cluster was not there yet',
  `error_fingerprint` varchar(255) DEFAULT NULL COMMENT 'errors with ids, numbers, dates and paths taken out',
  PRIMARY KEY (`id`),
  KEY `ix_jobs_package_id_run_date` (`package_id`,`run_date`),
  KEY `ix_jobs_account_id_gone_at_finished_at` (`account_id`,`gone_at`,`finished_at`),
  KEY `ix_jobs_runs` (`status`,`package_id`,`run_date`,`runtime_in_seconds`,`finished_epoch`),
  KEY `ix_jobs_epochs` (`account_id`,`finished_epoch`,`started_epoch`,`created_epoch`,`package_id`),
  KEY `ix_jobs_named` (`package_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row a job: one run of a package on a cluster';

insert into jobs (id, account_id, status, owner_id, progress, outputs_count, created_at, started_at, failed_at, completed_at, updated_at, cluster_id, cluster_name, cluster_url, cluster_nodes, cluster_available_since, package_id, package_name, package_url, package_updated_at, creator_type, creator_id, creator_display_name, creator_url, errors, runtime_in_seconds, attempts, master_auto_retry_attempts, variables, dynamic_variables, url, html_url, log_url, extra, run_date, queue_seconds, finished_at, first_seen_at, last_changed_at, snapshot_id, gone_at, created_epoch, started_epoch, finished_epoch, cluster_wait_seconds, error_fingerprint) values (7, 'acme', 'failed', -9223372036854775808, 0.30000000000000004e0, NULL, '2026-01-05 03:00:00', '2026-01-05 03:01:00.500000', '2026-01-05 04:00:00', NULL, '2026-01-05 03:04:05.678901', 52, NULL, NULL, NULL, '2026-01-05 03:00:30', 434, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n', NULL, NULL, NULL, NULL, NULL, NULL, 'Job 17 has no /tmp/a', 3540, NULL, NULL, '{\"b\":1,\"a\":[1.5,null,\"ä\"]}', '{}', NULL, NULL, NULL, '{\"log_summary\":\"größe 📦 \'x\' \\\"y\\\" %s \\\\ \\\\n\\ttab\\n\",\"large\":18446744073709551616}', '2026-01-05', 60, '2026-01-05 04:00:00', '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', 1, NULL, 1767582000, 1767582060, 1767585600, 30, 'Job # has no <path>');

insert into jobs (id, account_id, status, owner_id, progress, outputs_count, created_at, started_at, failed_at, completed_at, updated_at, cluster_id, cluster_name, cluster_url, cluster_nodes, cluster_available_since, package_id, package_name, package_url, package_updated_at, creator_type, creator_id, creator_display_name, creator_url, errors, runtime_in_seconds, attempts, master_auto_retry_attempts, variables, dynamic_variables, url, html_url, log_url, extra, run_date, queue_seconds, finished_at, first_seen_at, last_changed_at, snapshot_id, gone_at, created_epoch, started_epoch, finished_epoch, cluster_wait_seconds, error_fingerprint) values (8, 'deleted', 'running', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', 20, NULL, NULL, NULL, NULL, NULL, NULL);

insert into jobs (id, account_id, status, owner_id, progress, outputs_count, created_at, started_at, failed_at, completed_at, updated_at, cluster_id, cluster_name, cluster_url, cluster_nodes, cluster_available_since, package_id, package_name, package_url, package_updated_at, creator_type, creator_id, creator_display_name, creator_url, errors, runtime_in_seconds, attempts, master_auto_retry_attempts, variables, dynamic_variables, url, html_url, log_url, extra, run_date, queue_seconds, finished_at, first_seen_at, last_changed_at, snapshot_id, gone_at, created_epoch, started_epoch, finished_epoch, cluster_wait_seconds, error_fingerprint) values (9223372036854775807, 'acme', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', 3, '2026-01-05 04:00:00', NULL, NULL, NULL, NULL, NULL);

CREATE TABLE `output_fields` (
  `output_id` bigint(20) NOT NULL COMMENT 'the output that has the field',
  `position` int(11) NOT NULL COMMENT 'its place, from 1',
  `name` longtext NOT NULL COMMENT 'the field''s name',
  PRIMARY KEY (`output_id`,`position`),
  CONSTRAINT `fk_output_fields_output_id_job_outputs` FOREIGN KEY (`output_id`) REFERENCES `job_outputs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row a field of an output';

insert into output_fields (output_id, position, name) values (9223372036854775807, 1, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n');

insert into output_fields (output_id, position, name) values (9223372036854775807, 2, '');

CREATE TABLE `rejected_records` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT COMMENT 'the record',
  `snapshot_id` bigint(20) NOT NULL COMMENT 'the run that last set it aside',
  `account_id` varchar(255) NOT NULL COMMENT 'the account it was read from',
  `job_id` bigint(20) DEFAULT NULL COMMENT 'its job, where it names one',
  `reason` longtext NOT NULL COMMENT 'what is wrong, with its path',
  `payload` longtext NOT NULL COMMENT 'the record as it came, secrets masked; null if none came, cut if it is too long',
  `rejected_at` datetime(6) NOT NULL COMMENT 'when it was set aside',
  `attempts` int(11) DEFAULT NULL COMMENT 'times it was tried since it last changed',
  `next_attempt_at` datetime(6) DEFAULT NULL COMMENT 'before then no run asks for it again; null: the next run does',
  `program_version` varchar(64) DEFAULT NULL COMMENT 'the version of this program that last tried it',
  `digest` varchar(32) DEFAULT NULL COMMENT 'of the whole record, but for its package and cluster: it tells a change',
  PRIMARY KEY (`id`),
  KEY `ix_rejected_records_account_id_job_id` (`account_id`,`job_id`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='Records that could not be read, whole, until they can be';

insert into rejected_records (id, snapshot_id, account_id, job_id, reason, payload, rejected_at, attempts, next_attempt_at, program_version, digest) values (4, 1, 'acme', 12, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n', '{\"id\":12,\"name\":\"größe 📦 \'x\' \\\"y\\\" %s \\\\ \\\\n\\ttab\\n\"}', '2026-01-05 03:04:05.678901', NULL, NULL, NULL, NULL);

insert into rejected_records (id, snapshot_id, account_id, job_id, reason, payload, rejected_at, attempts, next_attempt_at, program_version, digest) values (6, 2, 'nobody', 13, 'no id', 'null', '2026-01-05 04:00:00', NULL, NULL, NULL, NULL);

CREATE TABLE `snapshots` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT COMMENT 'the run',
  `account_id` varchar(255) NOT NULL COMMENT 'the account it read',
  `kind` varchar(16) NOT NULL COMMENT 'full, incremental or jobs',
  `status` varchar(16) NOT NULL COMMENT 'running, completed, partial or failed',
  `started_at` datetime(6) NOT NULL COMMENT 'when it began, by this host',
  `finished_at` datetime(6) DEFAULT NULL COMMENT 'when it ended, by this host',
  `since` datetime(6) DEFAULT NULL COMMENT 'the since it listed from; null for the whole',
  `watermark` datetime(6) DEFAULT NULL COMMENT 'the account''s watermark that it left, where it moved it',
  `requests` int(11) NOT NULL COMMENT 'HTTP requests sent, retries included',
  `pages` int(11) NOT NULL COMMENT 'pages of the listing read',
  `jobs_seen` int(11) NOT NULL COMMENT 'different jobs answered',
  `jobs_inserted` int(11) NOT NULL COMMENT 'jobs that were new',
  `jobs_changed` int(11) NOT NULL COMMENT 'jobs whose rows were changed',
  `jobs_unchanged` int(11) NOT NULL COMMENT 'jobs whose rows were left alone',
  `jobs_rejected` int(11) NOT NULL COMMENT 'records set aside',
  `credits_remaining` int(11) DEFAULT NULL COMMENT 'credits left of the hour''s, by the last answer',
  `error` longtext DEFAULT NULL COMMENT 'why it did not complete, or what it could not ask for',
  `credits_spent` int(11) DEFAULT NULL COMMENT 'requests sent that cost a credit, retries included',
  `started_epoch` bigint(20) DEFAULT NULL COMMENT 'started_at in whole seconds since 1970',
  `finished_epoch` bigint(20) DEFAULT NULL COMMENT 'finished_at in whole seconds since 1970',
  `watermark_epoch` bigint(20) DEFAULT NULL COMMENT 'watermark in whole seconds since 1970',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='One row a run of sync';

insert into snapshots (id, account_id, kind, status, started_at, finished_at, since, watermark, requests, pages, jobs_seen, jobs_inserted, jobs_changed, jobs_unchanged, jobs_rejected, credits_remaining, error, credits_spent, started_epoch, finished_epoch, watermark_epoch) values (1, 'acme', 'full', 'completed', '2026-01-05 03:04:05.678901', '2026-01-05 04:00:00', NULL, '2026-01-05 03:04:05.678901', 3, 3, 3, 3, 3, 3, 3, 3, NULL, 3, 1767582245, 1767585600, 1767582245);

insert into snapshots (id, account_id, kind, status, started_at, finished_at, since, watermark, requests, pages, jobs_seen, jobs_inserted, jobs_changed, jobs_unchanged, jobs_rejected, credits_remaining, error, credits_spent, started_epoch, finished_epoch, watermark_epoch) values (3, 'Acme', 'jobs', 'failed', '2026-01-05 04:00:00', NULL, NULL, NULL, 3, 3, 3, 3, 3, 3, 3, 3, 'größe 📦 \'x\' \"y\" %s \\ \\n	tab\n', 3, 1767585600, NULL, NULL);

set foreign_key_checks = 1;

