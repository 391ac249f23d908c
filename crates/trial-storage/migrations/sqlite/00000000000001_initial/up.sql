-- Times are microseconds since the epoch, days are days since the epoch, ids are the 16 bytes of a UUIDv7.

CREATE TABLE challenges (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    phone TEXT NOT NULL,
    key_id TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    tries INTEGER NOT NULL CHECK (tries >= 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'consumed', 'unsent'))
) STRICT, WITHOUT ROWID;

CREATE TABLE phones (
    phone TEXT NOT NULL PRIMARY KEY,
    country_code INTEGER NOT NULL,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    challenge BLOB REFERENCES challenges (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE code_requests (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    request_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    phone TEXT NOT NULL,
    country_code INTEGER NOT NULL,
    challenge BLOB,
    state TEXT CHECK (state IN ('sending', 'accepted', 'refused', 'unreached', 'unknown')),
    refusal TEXT,
    gateway TEXT,
    reply TEXT,
    CHECK ((refusal IS NULL) = (state IS NOT NULL) AND (refusal IS NULL) = (challenge IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX code_requests_phone ON code_requests (phone, at);
CREATE INDEX code_requests_request_id ON code_requests (request_id);

CREATE TABLE sms_days (
    day INTEGER NOT NULL,
    country_code INTEGER NOT NULL,
    sent INTEGER NOT NULL CHECK (sent >= 0),
    PRIMARY KEY (day, country_code)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    status TEXT NOT NULL CHECK (status IN ('trial', 'suspended', 'commercial', 'closed')),
    phone TEXT NOT NULL,
    country_code INTEGER NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    company TEXT NOT NULL,
    company_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    trial_ends_at INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    password_issue INTEGER NOT NULL CHECK (password_issue >= 1)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenants_in_use_phone ON tenants (phone) WHERE status <> 'closed';
CREATE INDEX tenants_in_use_email ON tenants (email_key) WHERE status <> 'closed';
CREATE INDEX tenants_in_use_company ON tenants (company_key) WHERE status <> 'closed';

CREATE TABLE access_codes (
    code TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('voice', 'multimedia')),
    state TEXT NOT NULL CHECK (state IN ('free', 'leased', 'quarantined', 'retired')),
    since INTEGER NOT NULL,
    tenant BLOB REFERENCES tenants (id),
    CHECK ((state = 'leased') = (tenant IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX access_codes_free ON access_codes (kind, since, code) WHERE state = 'free';
CREATE UNIQUE INDEX access_codes_tenant ON access_codes (tenant, kind) WHERE tenant IS NOT NULL;

CREATE TABLE quota_thresholds (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    threshold INTEGER NOT NULL CHECK (threshold >= 0),
    since INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;

CREATE TABLE quota_days (
    day INTEGER NOT NULL PRIMARY KEY,
    reserved INTEGER NOT NULL CHECK (reserved >= 0)
) STRICT;

CREATE TABLE mails (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('account')),
    tenant BLOB NOT NULL REFERENCES tenants (id),
    recipient TEXT NOT NULL,
    locale TEXT NOT NULL CHECK (locale IN ('en', 'zh-CN')),
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    lease BLOB,
    settled_at INTEGER,
    last_reply TEXT,
    quota_day INTEGER NOT NULL,
    quota_unit INTEGER NOT NULL CHECK (quota_unit BETWEEN 1 AND quota_threshold),
    quota_threshold INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_due ON mails (next_attempt_at) WHERE state = 'due';
CREATE INDEX mails_tenant ON mails (tenant);
CREATE UNIQUE INDEX mails_quota ON mails (quota_day, quota_unit);

CREATE TABLE applications (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    request_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    phone TEXT NOT NULL,
    country_code INTEGER NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    company TEXT NOT NULL,
    company_key TEXT NOT NULL,
    challenge BLOB,
    outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'replayed', 'refused')),
    tenant BLOB,
    refusal TEXT,
    CHECK ((outcome = 'refused') = (refusal IS NOT NULL) AND (outcome = 'refused') = (tenant IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX applications_phone ON applications (phone, at);
CREATE INDEX applications_email ON applications (email_key, at);
CREATE INDEX applications_request_id ON applications (request_id);

CREATE TABLE audit (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
