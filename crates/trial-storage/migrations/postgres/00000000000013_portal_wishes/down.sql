DELETE FROM mails WHERE kind = 'password';
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check
    CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning'));
DROP INDEX tenants_ask_conversion;
ALTER TABLE tenants DROP COLUMN conversion_asked_at;
