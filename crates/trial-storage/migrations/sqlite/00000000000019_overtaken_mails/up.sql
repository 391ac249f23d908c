-- A mail that says what is not so any more is not sent, and is seen as overtaken.
CREATE TABLE new_mails (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL
        CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning', 'password', 'password_changed')),
    tenant BLOB REFERENCES tenants (id) CHECK ((tenant IS NULL) = (kind = 'warning')),
    recipient TEXT NOT NULL,
    locale TEXT NOT NULL CHECK (locale IN ('en', 'zh-CN')),
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'failed', 'overtaken')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    lease BLOB,
    settled_at INTEGER,
    last_reply TEXT,
    quota_day INTEGER CHECK ((quota_day IS NULL OR kind <> 'warning')
        AND (quota_day IS NOT NULL OR kind IN ('warning', 'password_changed'))),
    quota_unit INTEGER CHECK ((quota_unit IS NULL) = (quota_day IS NULL) AND quota_unit BETWEEN 1 AND quota_threshold),
    quota_threshold INTEGER CHECK ((quota_threshold IS NULL) = (quota_day IS NULL)),
    priority INTEGER NOT NULL,
    detail TEXT,
    quota_budget TEXT NOT NULL DEFAULT 'threshold' CHECK (quota_budget IN ('threshold', 'owners'))
) STRICT, WITHOUT ROWID;
INSERT INTO new_mails (id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, lease,
    settled_at, last_reply, quota_day, quota_unit, quota_threshold, priority, detail, quota_budget)
    SELECT id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, lease,
        settled_at, last_reply, quota_day, quota_unit, quota_threshold, priority, detail, quota_budget
    FROM mails ORDER BY id;
DROP TABLE mails;
ALTER TABLE new_mails RENAME TO mails;
CREATE INDEX mails_due ON mails (priority, next_attempt_at, id) WHERE state = 'due';
CREATE INDEX mails_failed ON mails (id) WHERE state = 'failed';
CREATE INDEX mails_tenant ON mails (tenant);
CREATE UNIQUE INDEX mails_quota ON mails (quota_day, quota_budget, quota_unit);

CREATE TABLE new_mail_attempts (
    mail BLOB NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    at INTEGER NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('sent', 'retry', 'failed', 'overtaken')),
    reply TEXT NOT NULL,
    PRIMARY KEY (mail, attempt)
) STRICT, WITHOUT ROWID;
INSERT INTO new_mail_attempts (mail, attempt, at, result, reply)
    SELECT mail, attempt, at, result, reply FROM mail_attempts ORDER BY mail, attempt;
DROP TABLE mail_attempts;
ALTER TABLE new_mail_attempts RENAME TO mail_attempts;
