-- Rows that decisions change all the time. While another transaction holds an old snapshot (a long pg_dump), none of their
-- earlier versions can be removed. Each change counts `version` up, and a look-up by key reads the index backwards: it
-- meets the row in force first, whatever the number of versions before it. There is one row for each key.
ALTER TABLE quota_days ADD COLUMN version BIGINT NOT NULL DEFAULT 1, DROP CONSTRAINT quota_days_pkey,
    ADD PRIMARY KEY (day, version);
ALTER TABLE sms_days ADD COLUMN version BIGINT NOT NULL DEFAULT 1, DROP CONSTRAINT sms_days_pkey,
    ADD PRIMARY KEY (day, country_code, version);
ALTER TABLE pool_marks ADD COLUMN version BIGINT NOT NULL DEFAULT 1, DROP CONSTRAINT pool_marks_pkey,
    ADD PRIMARY KEY (kind, version);
ALTER TABLE quota_days RESET (fillfactor);
ALTER TABLE sms_days RESET (fillfactor);
ALTER TABLE pool_marks RESET (fillfactor);
