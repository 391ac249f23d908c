-- Owners are told of a changed password, also on a day that has no unit left for it.
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check
    CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning', 'password', 'password_changed'));
ALTER TABLE mails DROP CONSTRAINT mails_check1;
ALTER TABLE mails ADD CONSTRAINT mails_check1
    CHECK ((tenant IS NULL) = (kind = 'warning') AND (quota_day IS NULL OR kind <> 'warning')
        AND (quota_day IS NOT NULL OR kind IN ('warning', 'password_changed'))
        AND (quota_unit IS NULL) = (quota_day IS NULL) AND (quota_threshold IS NULL) = (quota_day IS NULL));
