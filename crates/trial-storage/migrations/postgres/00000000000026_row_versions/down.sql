ALTER TABLE quota_days DROP CONSTRAINT quota_days_pkey, DROP COLUMN version, ADD PRIMARY KEY (day);
ALTER TABLE sms_days DROP CONSTRAINT sms_days_pkey, DROP COLUMN version, ADD PRIMARY KEY (day, country_code);
ALTER TABLE pool_marks DROP CONSTRAINT pool_marks_pkey, DROP COLUMN version, ADD PRIMARY KEY (kind);
ALTER TABLE quota_days SET (fillfactor = 20);
ALTER TABLE sms_days SET (fillfactor = 20);
ALTER TABLE pool_marks SET (fillfactor = 20);
