DELETE FROM mails WHERE kind = 'password_changed';
ALTER TABLE mails DROP CONSTRAINT mails_check1;
ALTER TABLE mails ADD CONSTRAINT mails_check1
    CHECK ((tenant IS NULL) = (kind = 'warning') AND (quota_day IS NULL) = (kind = 'warning')
        AND (quota_unit IS NULL) = (kind = 'warning') AND (quota_threshold IS NULL) = (kind = 'warning'));
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check
    CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning', 'password'));
