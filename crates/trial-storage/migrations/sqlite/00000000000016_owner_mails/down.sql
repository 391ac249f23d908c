DROP TABLE owner_acts;
-- A unit of owners may have the number of one of the threshold: the mail keeps its place in the outbox, and loses its unit.
UPDATE mails SET quota_day = NULL, quota_unit = NULL, quota_threshold = NULL
    WHERE quota_budget = 'owners' AND kind = 'password_changed';
DELETE FROM mails WHERE quota_budget = 'owners' AND kind = 'password';
DROP INDEX mails_quota;
CREATE UNIQUE INDEX mails_quota ON mails (quota_day, quota_unit);
ALTER TABLE mails DROP COLUMN quota_budget;
ALTER TABLE quota_days DROP COLUMN owner_mails;
