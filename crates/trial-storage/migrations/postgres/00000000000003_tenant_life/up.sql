-- The life of a tenant after its first day.
ALTER TABLE tenants
    ADD COLUMN password_issued_at BIGINT,
    ADD COLUMN locale TEXT COLLATE "C" NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'zh-CN')),
    ADD COLUMN converted_at BIGINT CHECK (status <> 'commercial' OR converted_at IS NOT NULL),
    ADD COLUMN suspended_at BIGINT CHECK ((status = 'suspended') = (suspended_at IS NOT NULL)),
    ADD COLUMN closes_at BIGINT CHECK (closes_at IS NULL OR status = 'suspended'),
    ADD COLUMN closed_at BIGINT CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    ADD COLUMN told_until BIGINT,
    ADD COLUMN next_step_at BIGINT;
-- Whoever looks at a tenant next finds out when its next step is.
UPDATE tenants SET password_issued_at = created_at, told_until = created_at, next_step_at = created_at,
    locale = coalesce((SELECT locale FROM mails WHERE mails.tenant = tenants.id LIMIT 1), 'en');
ALTER TABLE tenants ALTER COLUMN password_issued_at SET NOT NULL, ALTER COLUMN told_until SET NOT NULL,
    ALTER COLUMN locale DROP DEFAULT;
CREATE INDEX tenants_next_step ON tenants (next_step_at, id) WHERE next_step_at IS NOT NULL;
CREATE INDEX tenants_status ON tenants (status, id);

-- Whose a code was last, as long as it can go back.
ALTER TABLE access_codes ADD COLUMN last_tenant BYTEA
    CHECK (last_tenant IS NULL OR state IN ('quarantined', 'retired'));
CREATE INDEX access_codes_last_tenant ON access_codes (last_tenant) WHERE last_tenant IS NOT NULL;
CREATE INDEX access_codes_quarantined ON access_codes (since, code, kind) WHERE state = 'quarantined';
CREATE INDEX access_codes_retired ON access_codes (kind, code) WHERE state = 'retired';

-- Warnings to operations belong to no tenant and take no unit; an account goes before all else.
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails
    ADD COLUMN priority INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN detail TEXT COLLATE "C",
    ADD CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning')),
    ALTER COLUMN tenant DROP NOT NULL,
    ALTER COLUMN quota_day DROP NOT NULL,
    ALTER COLUMN quota_unit DROP NOT NULL,
    ALTER COLUMN quota_threshold DROP NOT NULL,
    ADD CHECK ((tenant IS NULL) = (kind = 'warning') AND (quota_day IS NULL) = (kind = 'warning')
        AND (quota_unit IS NULL) = (kind = 'warning') AND (quota_threshold IS NULL) = (kind = 'warning'));
ALTER TABLE mails ALTER COLUMN priority DROP DEFAULT;
DROP INDEX mails_due;
CREATE INDEX mails_due ON mails (priority, next_attempt_at, id) WHERE state = 'due';
CREATE INDEX mails_failed ON mails (id) WHERE state = 'failed';

-- Every attempt to deliver a mail, with what the server said.
CREATE TABLE mail_attempts (
    at BIGINT NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    mail BYTEA NOT NULL,
    result TEXT COLLATE "C" NOT NULL CHECK (result IN ('sent', 'retry', 'failed')),
    reply TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (mail, attempt)
);

-- What operations look for.
ALTER TABLE applications ADD COLUMN return_code TEXT COLLATE "C" NOT NULL DEFAULT '000';
UPDATE applications SET return_code = CASE
    WHEN refusal LIKE '{"rule":"phone_locked"%' OR refusal LIKE '{"rule":"key_missing"%' THEN '003'
    WHEN refusal LIKE '{"rule":"no_code"%' THEN '001'
    WHEN refusal LIKE '{"rule":"wrong_code"%' THEN '002'
    WHEN refusal LIKE '{"rule":"tenant_exists"%' THEN '004'
    WHEN refusal LIKE '{"rule":"pool_empty"%' THEN '006'
    WHEN refusal LIKE '{"rule":"quota_reached"%' THEN '205'
    END WHERE refusal IS NOT NULL;
ALTER TABLE applications ALTER COLUMN return_code DROP DEFAULT;
CREATE INDEX applications_return_code ON applications (return_code, id);
CREATE INDEX applications_company ON applications (company_key, at);

-- Applications of each whole hour, counted: the hours that have a row with the code '' are done.
CREATE TABLE application_hours (
    hour BIGINT NOT NULL,
    applications BIGINT NOT NULL CHECK (applications >= 0),
    tenants BIGINT NOT NULL CHECK (tenants >= 0),
    return_code TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (hour, return_code)
);
