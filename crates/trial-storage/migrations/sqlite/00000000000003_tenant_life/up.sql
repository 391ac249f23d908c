-- The life of a tenant after its first day.
ALTER TABLE tenants ADD COLUMN password_issued_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN locale TEXT NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'zh-CN'));
ALTER TABLE tenants ADD COLUMN converted_at INTEGER CHECK (status <> 'commercial' OR converted_at IS NOT NULL);
ALTER TABLE tenants ADD COLUMN suspended_at INTEGER CHECK ((status = 'suspended') = (suspended_at IS NOT NULL));
ALTER TABLE tenants ADD COLUMN closes_at INTEGER CHECK (closes_at IS NULL OR status = 'suspended');
ALTER TABLE tenants ADD COLUMN closed_at INTEGER CHECK ((status = 'closed') = (closed_at IS NOT NULL));
ALTER TABLE tenants ADD COLUMN told_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN next_step_at INTEGER;
-- Whoever looks at a tenant next finds out when its next step is.
UPDATE tenants SET password_issued_at = created_at, told_until = created_at, next_step_at = created_at,
    locale = coalesce((SELECT locale FROM mails WHERE mails.tenant = tenants.id LIMIT 1), 'en');
CREATE INDEX tenants_next_step ON tenants (next_step_at, id) WHERE next_step_at IS NOT NULL;
CREATE INDEX tenants_status ON tenants (status, id);

-- Whose a code was last, as long as it can go back.
ALTER TABLE access_codes ADD COLUMN last_tenant BLOB
    CHECK (last_tenant IS NULL OR state IN ('quarantined', 'retired'));
CREATE INDEX access_codes_last_tenant ON access_codes (last_tenant) WHERE last_tenant IS NOT NULL;
CREATE INDEX access_codes_quarantined ON access_codes (since, code, kind) WHERE state = 'quarantined';
CREATE INDEX access_codes_retired ON access_codes (kind, code) WHERE state = 'retired';

-- Warnings to operations belong to no tenant and take no unit; an account goes before all else.
CREATE TABLE new_mails (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning')),
    tenant BLOB REFERENCES tenants (id) CHECK ((tenant IS NULL) = (kind = 'warning')),
    recipient TEXT NOT NULL,
    locale TEXT NOT NULL CHECK (locale IN ('en', 'zh-CN')),
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    lease BLOB,
    settled_at INTEGER,
    last_reply TEXT,
    quota_day INTEGER CHECK ((quota_day IS NULL) = (kind = 'warning')),
    quota_unit INTEGER CHECK ((quota_unit IS NULL) = (kind = 'warning') AND quota_unit BETWEEN 1 AND quota_threshold),
    quota_threshold INTEGER CHECK ((quota_threshold IS NULL) = (kind = 'warning')),
    priority INTEGER NOT NULL,
    detail TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO new_mails (id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, lease,
    settled_at, last_reply, quota_day, quota_unit, quota_threshold, priority)
    SELECT id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, lease,
        settled_at, last_reply, quota_day, quota_unit, quota_threshold, 0 FROM mails;
DROP TABLE mails;
ALTER TABLE new_mails RENAME TO mails;
CREATE INDEX mails_due ON mails (priority, next_attempt_at, id) WHERE state = 'due';
CREATE INDEX mails_failed ON mails (id) WHERE state = 'failed';
CREATE INDEX mails_tenant ON mails (tenant);
CREATE UNIQUE INDEX mails_quota ON mails (quota_day, quota_unit);

-- Every attempt to deliver a mail, with what the server said.
CREATE TABLE mail_attempts (
    mail BLOB NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    at INTEGER NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('sent', 'retry', 'failed')),
    reply TEXT NOT NULL,
    PRIMARY KEY (mail, attempt)
) STRICT, WITHOUT ROWID;

-- What operations look for.
ALTER TABLE applications ADD COLUMN return_code TEXT NOT NULL DEFAULT '000';
UPDATE applications SET return_code = CASE
    WHEN refusal LIKE '{"rule":"phone_locked"%' OR refusal LIKE '{"rule":"key_missing"%' THEN '003'
    WHEN refusal LIKE '{"rule":"no_code"%' THEN '001'
    WHEN refusal LIKE '{"rule":"wrong_code"%' THEN '002'
    WHEN refusal LIKE '{"rule":"tenant_exists"%' THEN '004'
    WHEN refusal LIKE '{"rule":"pool_empty"%' THEN '006'
    WHEN refusal LIKE '{"rule":"quota_reached"%' THEN '205'
    END WHERE refusal IS NOT NULL;
CREATE INDEX applications_return_code ON applications (return_code, id);
CREATE INDEX applications_company ON applications (company_key, at);

-- Applications of each whole hour, counted: the hours that have a row with the code '' are done.
CREATE TABLE application_hours (
    hour INTEGER NOT NULL,
    return_code TEXT NOT NULL,
    applications INTEGER NOT NULL CHECK (applications >= 0),
    tenants INTEGER NOT NULL CHECK (tenants >= 0),
    PRIMARY KEY (hour, return_code)
) STRICT, WITHOUT ROWID;
