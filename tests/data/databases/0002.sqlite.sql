BEGIN TRANSACTION;
CREATE TABLE accounts (
	account_id VARCHAR(255) NOT NULL, 
	api_url TEXT NOT NULL, 
	watermark DATETIME, 
	newest_updated_at DATETIME, 
	page_size INTEGER, 
	listing_since DATETIME, 
	listing_clock DATETIME, 
	listing_offset INTEGER, 
	listing_edge DATETIME, sends_links BOOLEAN, refreshed_id INTEGER, counted_at DATETIME, unlisted INTEGER, 
	CONSTRAINT pk_accounts PRIMARY KEY (account_id)
);
INSERT INTO "accounts" VALUES('acme','https://api.xplenty.com','2026-01-05 03:04:05.678901','2026-01-05 04:00:00.000000',100,'2026-01-05 03:04:05.678901',NULL,98,NULL,1,NULL,NULL,-2);
INSERT INTO "accounts" VALUES('Acme','https://api.xplenty.com',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE calendar (
	day DATE NOT NULL, 
	week DATE NOT NULL, 
	month DATE NOT NULL, 
	weekday SMALLINT NOT NULL, 
	CONSTRAINT pk_calendar PRIMARY KEY (day)
);
INSERT INTO "calendar" VALUES('2010-01-01','2009-12-28','2010-01-01',5);
INSERT INTO "calendar" VALUES('2026-01-05','2026-01-05','2026-01-01',1);
INSERT INTO "calendar" VALUES('2049-12-31','2049-12-27','2049-12-01',5);
CREATE TABLE job_changes (
	id INTEGER NOT NULL, 
	job_id INTEGER NOT NULL, 
	snapshot_id INTEGER NOT NULL, 
	observed_at DATETIME NOT NULL, 
	status VARCHAR(255), 
	progress DOUBLE, 
	runtime_in_seconds INTEGER, 
	outputs_count INTEGER, 
	records_count INTEGER, 
	CONSTRAINT pk_job_changes PRIMARY KEY (id)
);
INSERT INTO "job_changes" VALUES(5,7,1,'2026-01-05 03:04:05.678901','running',NULL,NULL,NULL,NULL);
INSERT INTO "job_changes" VALUES(9,7,3,'2026-01-05 04:00:00.000000',NULL,0.5,NULL,NULL,NULL);
INSERT INTO "job_changes" VALUES(10,99,1,'2026-01-05 03:04:05.678901',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE job_outputs (
	id INTEGER NOT NULL, 
	job_id INTEGER NOT NULL, 
	name TEXT, 
	records_count INTEGER, 
	progress DOUBLE, 
	created_at DATETIME, 
	updated_at DATETIME, 
	url TEXT, 
	preview_url TEXT, 
	preview_type TEXT, 
	component_name TEXT, 
	component_type TEXT, 
	extra JSON, 
	CONSTRAINT pk_job_outputs PRIMARY KEY (id), 
	CONSTRAINT fk_job_outputs_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id)
);
INSERT INTO "job_outputs" VALUES(9223372036854775807,7,'größe 📦 ''x'' "y" %s \ \n	tab
',9223372036854775807,NULL,'2026-01-05 03:04:05.678901',NULL,NULL,NULL,NULL,'',NULL,'[]');
CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	account_id VARCHAR(255) NOT NULL, 
	status VARCHAR(255), 
	owner_id INTEGER, 
	progress DOUBLE, 
	outputs_count INTEGER, 
	created_at DATETIME, 
	started_at DATETIME, 
	failed_at DATETIME, 
	completed_at DATETIME, 
	updated_at DATETIME, 
	cluster_id INTEGER, 
	cluster_name TEXT, 
	cluster_url TEXT, 
	cluster_nodes INTEGER, 
	cluster_available_since DATETIME, 
	package_id INTEGER, 
	package_name TEXT, 
	package_url TEXT, 
	package_updated_at DATETIME, 
	creator_type TEXT, 
	creator_id INTEGER, 
	creator_display_name TEXT, 
	creator_url TEXT, 
	errors TEXT, 
	runtime_in_seconds INTEGER, 
	attempts INTEGER, 
	master_auto_retry_attempts INTEGER, 
	variables JSON, 
	dynamic_variables JSON, 
	url TEXT, 
	html_url TEXT, 
	log_url TEXT, 
	extra JSON, 
	run_date DATE, 
	queue_seconds INTEGER, 
	finished_at DATETIME, 
	first_seen_at DATETIME NOT NULL, 
	last_changed_at DATETIME NOT NULL, 
	snapshot_id INTEGER NOT NULL, 
	gone_at DATETIME, 
	CONSTRAINT pk_jobs PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES(7,'acme','failed',-9223372036854775808,3.00000000000000044408e-01,NULL,'2026-01-05 03:00:00.000000','2026-01-05 03:01:00.500000','2026-01-05 04:00:00.000000',NULL,'2026-01-05 03:04:05.678901',52,NULL,NULL,NULL,'2026-01-05 03:00:30.000000',434,'größe 📦 ''x'' "y" %s \ \n	tab
',NULL,NULL,NULL,NULL,NULL,NULL,'Job 17 has no /tmp/a',3540,NULL,NULL,'{"b":1,"a":[1.5,null,"ä"]}','{}',NULL,NULL,NULL,'{"log_summary":"größe 📦 ''x'' \"y\" %s \\ \\n\ttab\n","large":18446744073709551616}','2026-01-05',60,'2026-01-05 04:00:00.000000','2026-01-05 03:04:05.678901','2026-01-05 04:00:00.000000',1,NULL);
INSERT INTO "jobs" VALUES(8,'deleted','running',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-01-05 03:04:05.678901','2026-01-05 04:00:00.000000',20,NULL);
INSERT INTO "jobs" VALUES(9223372036854775807,'acme',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-01-05 03:04:05.678901','2026-01-05 04:00:00.000000',3,'2026-01-05 04:00:00.000000');
CREATE TABLE output_fields (
	output_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_output_fields PRIMARY KEY (output_id, position), 
	CONSTRAINT fk_output_fields_output_id_job_outputs FOREIGN KEY(output_id) REFERENCES job_outputs (id)
)
 WITHOUT ROWID

;
INSERT INTO "output_fields" VALUES(9223372036854775807,1,'größe 📦 ''x'' "y" %s \ \n	tab
');
INSERT INTO "output_fields" VALUES(9223372036854775807,2,'');
CREATE TABLE rejected_records (
	id INTEGER NOT NULL, 
	snapshot_id INTEGER NOT NULL, 
	account_id VARCHAR(255) NOT NULL, 
	job_id INTEGER, 
	reason TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	rejected_at DATETIME NOT NULL, 
	CONSTRAINT pk_rejected_records PRIMARY KEY (id)
);
INSERT INTO "rejected_records" VALUES(4,1,'acme',12,'größe 📦 ''x'' "y" %s \ \n	tab
','{"id":12,"name":"größe 📦 ''x'' \"y\" %s \\ \\n\ttab\n"}','2026-01-05 03:04:05.678901');
INSERT INTO "rejected_records" VALUES(6,2,'nobody',13,'no id','null','2026-01-05 04:00:00.000000');
CREATE TABLE snapshots (
	id INTEGER NOT NULL, 
	account_id VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	since DATETIME, 
	watermark DATETIME, 
	requests INTEGER NOT NULL, 
	pages INTEGER NOT NULL, 
	jobs_seen INTEGER NOT NULL, 
	jobs_inserted INTEGER NOT NULL, 
	jobs_changed INTEGER NOT NULL, 
	jobs_unchanged INTEGER NOT NULL, 
	jobs_rejected INTEGER NOT NULL, 
	credits_remaining INTEGER, 
	error TEXT, credits_spent INTEGER, 
	CONSTRAINT pk_snapshots PRIMARY KEY (id)
);
INSERT INTO "snapshots" VALUES(1,'acme','full','completed','2026-01-05 03:04:05.678901','2026-01-05 04:00:00.000000',NULL,'2026-01-05 03:04:05.678901',3,3,3,3,3,3,3,3,NULL,3);
INSERT INTO "snapshots" VALUES(3,'Acme','jobs','failed','2026-01-05 04:00:00.000000',NULL,NULL,NULL,3,3,3,3,3,3,3,3,'größe 📦 ''x'' "y" %s \ \n	tab
',3);
CREATE INDEX ix_job_changes_job_id ON job_changes (job_id);
CREATE INDEX ix_jobs_package_id_run_date ON jobs (package_id, run_date);
CREATE INDEX ix_rejected_records_account_id_job_id ON rejected_records (account_id, job_id);
CREATE INDEX ix_job_outputs_job_id ON job_outputs (job_id);
CREATE INDEX ix_jobs_account_id_gone_at_finished_at ON jobs (account_id, gone_at, finished_at);
COMMIT;
