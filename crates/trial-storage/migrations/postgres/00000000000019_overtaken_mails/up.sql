-- A mail that says what is not so any more is not sent, and is seen as overtaken.
ALTER TABLE mails DROP CONSTRAINT mails_state_check;
ALTER TABLE mails ADD CONSTRAINT mails_state_check CHECK (state IN ('due', 'sent', 'failed', 'overtaken'));
ALTER TABLE mail_attempts DROP CONSTRAINT mail_attempts_result_check;
ALTER TABLE mail_attempts ADD CONSTRAINT mail_attempts_result_check
    CHECK (result IN ('sent', 'retry', 'failed', 'overtaken'));
