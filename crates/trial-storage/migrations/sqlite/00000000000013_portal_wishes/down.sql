DELETE FROM mails WHERE kind = 'password';
DROP INDEX tenants_ask_conversion;
ALTER TABLE tenants DROP COLUMN conversion_asked_at;
