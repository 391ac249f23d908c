-- What was overtaken counts as given up.
UPDATE mails SET state = 'failed' WHERE state = 'overtaken';
UPDATE mail_attempts SET result = 'failed' WHERE result = 'overtaken';
ALTER TABLE mails DROP CONSTRAINT mails_state_check;
ALTER TABLE mails ADD CONSTRAINT mails_state_check CHECK (state IN ('due', 'sent', 'failed'));
ALTER TABLE mail_attempts DROP CONSTRAINT mail_attempts_result_check;
ALTER TABLE mail_attempts ADD CONSTRAINT mail_attempts_result_check CHECK (result IN ('sent', 'retry', 'failed'));
