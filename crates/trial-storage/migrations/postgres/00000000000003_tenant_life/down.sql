DROP TABLE application_hours;
ALTER TABLE applications DROP COLUMN return_code;
DROP INDEX applications_company;
DROP TABLE mail_attempts;
DELETE FROM mails WHERE kind <> 'account';
ALTER TABLE mails DROP COLUMN priority, DROP COLUMN detail;
DROP INDEX mails_failed;
CREATE INDEX mails_due ON mails (next_attempt_at, id) WHERE state = 'due';
ALTER TABLE access_codes DROP COLUMN last_tenant;
DROP INDEX access_codes_quarantined;
DROP INDEX access_codes_retired;
DROP INDEX tenants_status;
ALTER TABLE tenants DROP COLUMN password_issued_at, DROP COLUMN locale, DROP COLUMN converted_at,
    DROP COLUMN suspended_at, DROP COLUMN closes_at, DROP COLUMN closed_at, DROP COLUMN told_until,
    DROP COLUMN next_step_at;
