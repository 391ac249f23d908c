-- Times are microseconds since the epoch, days are days since the epoch in the time zone of the policy, ids are the 16 bytes
-- of a UUIDv7. Columns are in the order of `schema.rs`.

-- Verification codes. A code is derived from its id and a key; it is stored nowhere.
CREATE TABLE challenges (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    phone TEXT NOT NULL,
    key_id TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    tries INTEGER NOT NULL CHECK (tries >= 0), -- wrong attempts
    state TEXT NOT NULL CHECK (state IN ('open', 'consumed', 'unsent')),
    proven_at INTEGER -- the first submission; recorded while a rule uses the counts of number ranges
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_phone ON challenges (phone);

-- No foreign key: each removal of a code would search all phones for it. `trialgate doctor` checks the reference.
CREATE TABLE phones (
    phone TEXT NOT NULL PRIMARY KEY,
    country_code INTEGER NOT NULL,
    failures INTEGER NOT NULL CHECK (failures >= 0), -- consecutive wrong attempts, over all codes
    challenge BLOB, -- the current code
    previous BLOB -- the code before it, valid until the gateway has accepted the current one
) STRICT, WITHOUT ROWID;

-- Requests for codes: each has a message, or the refusal as JSON.
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
    reply TEXT, -- of the gateway; the provider's id of the message if it was accepted
    delivery TEXT CHECK (delivery IS NULL OR (delivery IN ('sent', 'delivered', 'failed') AND state = 'accepted')),
    delivery_reason TEXT,
    delivery_at INTEGER CHECK ((delivery IS NULL) = (delivery_at IS NULL)),
    CHECK ((refusal IS NULL) = (state IS NOT NULL) AND (refusal IS NULL) = (challenge IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX code_requests_phone ON code_requests (phone, at);
CREATE INDEX code_requests_request_id ON code_requests (request_id);
-- Delivery receipts name a message by the provider's id. An index entry has a maximum size: receipts find no longer reply.
CREATE INDEX code_requests_provider_id ON code_requests (gateway, reply, at)
    WHERE state = 'accepted' AND length(reply) <= 200;

-- Messages of a day to each country, for its budget.
CREATE TABLE sms_days (
    day INTEGER NOT NULL,
    country_code INTEGER NOT NULL,
    sent INTEGER NOT NULL CHECK (sent >= 0),
    PRIMARY KEY (day, country_code)
) STRICT, WITHOUT ROWID;

-- Counts of each number range (the digits of a phone without the last four) in spans of five minutes since the epoch. A count
-- can be negative if counting began between a message and the report that it was not sent.
CREATE TABLE prefix_spans (
    prefix INTEGER NOT NULL CHECK (prefix > 0),
    span INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    sent INTEGER NOT NULL, -- codes
    used INTEGER NOT NULL, -- codes that were submitted
    PRIMARY KEY (prefix, span)
) STRICT, WITHOUT ROWID;
CREATE INDEX prefix_spans_span ON prefix_spans (span);

-- The last block of each number range, in force or expired.
CREATE TABLE prefix_blocks (
    prefix INTEGER NOT NULL PRIMARY KEY CHECK (prefix > 0),
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    sent INTEGER NOT NULL CHECK (sent >= 0), -- the counts that it was judged by
    used INTEGER NOT NULL CHECK (used >= 0),
    met INTEGER NOT NULL CHECK (met >= 0), -- requests that it applied to
    counted_after INTEGER NOT NULL -- spans up to this one are not judged again
) STRICT;
CREATE INDEX prefix_blocks_until ON prefix_blocks (until);

-- Number ranges that are never blocked, with all that begin with them.
CREATE TABLE safe_prefixes (
    prefix INTEGER NOT NULL PRIMARY KEY CHECK (prefix > 0),
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;

CREATE TABLE tenants (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    status TEXT NOT NULL CHECK (status IN ('trial', 'suspended', 'commercial', 'closed')),
    phone TEXT NOT NULL,
    country_code INTEGER NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL, -- the form that is compared, as for the company
    company TEXT NOT NULL,
    company_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    trial_ends_at INTEGER NOT NULL,
    key_id TEXT NOT NULL, -- the key that derives the initial password
    password_issue INTEGER NOT NULL CHECK (password_issue >= 1), -- the number of initial passwords so far
    password_issued_at INTEGER NOT NULL DEFAULT 0,
    locale TEXT NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'zh-CN')),
    converted_at INTEGER CHECK (status <> 'commercial' OR converted_at IS NOT NULL),
    suspended_at INTEGER CHECK ((status = 'suspended') = (suspended_at IS NOT NULL)),
    closes_at INTEGER CHECK (closes_at IS NULL OR status = 'suspended'), -- the end of the grace period
    closed_at INTEGER CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    told_until INTEGER NOT NULL DEFAULT 0, -- the owner was notified of events up to this time
    next_step_at INTEGER, -- the next scheduled task
    conversion_asked_at INTEGER CHECK (conversion_asked_at IS NULL OR status IN ('trial', 'suspended'))
) STRICT, WITHOUT ROWID;
CREATE INDEX tenants_in_use_phone ON tenants (phone) WHERE status <> 'closed';
CREATE INDEX tenants_in_use_email ON tenants (email_key) WHERE status <> 'closed';
CREATE INDEX tenants_in_use_company ON tenants (company_key) WHERE status <> 'closed';
CREATE INDEX tenants_next_step ON tenants (next_step_at, id) WHERE next_step_at IS NOT NULL;
CREATE INDEX tenants_status ON tenants (status, id);
-- Exports and erasures of a person search closed tenants as well.
CREATE INDEX tenants_closed_phone ON tenants (phone) WHERE status = 'closed';
CREATE INDEX tenants_closed_email ON tenants (email_key) WHERE status = 'closed';
CREATE INDEX tenants_ask_conversion ON tenants (id) WHERE conversion_asked_at IS NOT NULL;

CREATE TABLE access_codes (
    code TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('voice', 'multimedia')),
    state TEXT NOT NULL CHECK (state IN ('free', 'leased', 'quarantined', 'retired')),
    since INTEGER NOT NULL, -- the start of the state
    tenant BLOB REFERENCES tenants (id),
    last_tenant BLOB CHECK (last_tenant IS NULL OR state IN ('quarantined', 'retired')), -- a released code can be returned to it
    CHECK ((state = 'leased') = (tenant IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX access_codes_free ON access_codes (kind, since, code) WHERE state = 'free';
CREATE UNIQUE INDEX access_codes_tenant ON access_codes (tenant, kind) WHERE tenant IS NOT NULL;
CREATE INDEX access_codes_last_tenant ON access_codes (last_tenant) WHERE last_tenant IS NOT NULL;
CREATE INDEX access_codes_quarantined ON access_codes (since, code, kind) WHERE state = 'quarantined';
CREATE INDEX access_codes_retired ON access_codes (kind, code) WHERE state = 'retired';

-- Applications: each has its tenant, or the refusal as JSON.
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
    challenge BLOB, -- the code that the submitted one was compared with
    outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'replayed', 'refused')),
    tenant BLOB,
    refusal TEXT,
    return_code TEXT NOT NULL DEFAULT '000',
    CHECK ((outcome = 'refused') = (refusal IS NOT NULL) AND (outcome = 'refused') = (tenant IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX applications_phone ON applications (phone, at);
CREATE INDEX applications_email ON applications (email_key, at);
CREATE INDEX applications_request_id ON applications (request_id);
CREATE INDEX applications_return_code ON applications (return_code, id);
CREATE INDEX applications_company ON applications (company_key, at);

-- Applications of each whole hour. An hour is counted if it has a row with the return code ''.
CREATE TABLE application_hours (
    hour INTEGER NOT NULL, -- its start
    return_code TEXT NOT NULL,
    applications INTEGER NOT NULL CHECK (applications >= 0),
    tenants INTEGER NOT NULL CHECK (tenants >= 0),
    PRIMARY KEY (hour, return_code)
) STRICT, WITHOUT ROWID;

-- Units of a day's e-mail budgets. Mails that owners cause have a budget of their own.
CREATE TABLE quota_days (
    day INTEGER NOT NULL PRIMARY KEY,
    reserved INTEGER NOT NULL CHECK (reserved >= 0), -- units of the daily e-mail limit
    owner_mails INTEGER NOT NULL DEFAULT 0 CHECK (owner_mails >= 0)
) STRICT;

-- The outbox. Each mail takes a unit of its day, except warnings to operations, which have no tenant, and notices of a
-- changed password on a day that has no unit left.
CREATE TABLE mails (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL
        CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning', 'password', 'password_changed')),
    tenant BLOB REFERENCES tenants (id) CHECK ((tenant IS NULL) = (kind = 'warning')),
    recipient TEXT NOT NULL,
    locale TEXT NOT NULL CHECK (locale IN ('en', 'zh-CN')),
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'failed', 'overtaken')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL, -- of a leased mail, the end of the lease
    lease BLOB,
    settled_at INTEGER,
    last_reply TEXT,
    quota_day INTEGER CHECK ((quota_day IS NULL OR kind <> 'warning')
        AND (quota_day IS NOT NULL OR kind IN ('warning', 'password_changed'))),
    quota_unit INTEGER CHECK ((quota_unit IS NULL) = (quota_day IS NULL) AND quota_unit BETWEEN 1 AND quota_threshold),
    quota_threshold INTEGER CHECK ((quota_threshold IS NULL) = (quota_day IS NULL)), -- the limit when it took the unit
    priority INTEGER NOT NULL, -- 0 is the most urgent
    detail TEXT, -- the text of a warning, the password that a link replaces, the changes that a digest reports
    quota_budget TEXT NOT NULL DEFAULT 'threshold' CHECK (quota_budget IN ('threshold', 'owners'))
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_due ON mails (priority, next_attempt_at, id) WHERE state = 'due';
CREATE INDEX mails_failed ON mails (id) WHERE state = 'failed';
CREATE INDEX mails_tenant ON mails (tenant);
CREATE UNIQUE INDEX mails_quota ON mails (quota_day, quota_budget, quota_unit);

-- Every attempt to deliver a mail, with the reply of the server.
CREATE TABLE mail_attempts (
    mail BLOB NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    at INTEGER NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('sent', 'retry', 'failed', 'overtaken')),
    reply TEXT NOT NULL,
    PRIMARY KEY (mail, attempt)
) STRICT, WITHOUT ROWID;

-- Passwords that owners chose, as their hashes by Argon2id. One is in force while its issue is the tenant's.
CREATE TABLE portal_passwords (
    tenant BLOB NOT NULL PRIMARY KEY,
    issue INTEGER NOT NULL CHECK (issue >= 1),
    hash TEXT NOT NULL,
    set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sessions of owners. Of a secret, only its SHA-256 is stored.
CREATE TABLE portal_sessions (
    secret BLOB NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    tenant BLOB NOT NULL,
    issue INTEGER NOT NULL CHECK (issue >= 1), -- the password of the sign-in
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX portal_sessions_tenant ON portal_sessions (tenant);
CREATE INDEX portal_sessions_end ON portal_sessions (expires_at);

-- Attempts of a whole hour since the epoch, by the keyed hash of an account or of a client address.
CREATE TABLE portal_tries (
    hour INTEGER NOT NULL,
    who BLOB NOT NULL CHECK (length(who) = 32),
    tries INTEGER NOT NULL CHECK (tries >= 1),
    PRIMARY KEY (hour, who)
) STRICT, WITHOUT ROWID;

-- Acts of an owner in a whole hour since the epoch and on a day, and the password changes that are still to be notified.
CREATE TABLE owner_acts (
    tenant BLOB NOT NULL PRIMARY KEY CHECK (length(tenant) = 16),
    hour INTEGER NOT NULL,
    wishes INTEGER NOT NULL CHECK (wishes >= 0), -- requests for conversion, and withdrawals
    passwords INTEGER NOT NULL CHECK (passwords >= 0),
    sign_outs INTEGER NOT NULL CHECK (sign_outs >= 0),
    day INTEGER NOT NULL,
    links INTEGER NOT NULL CHECK (links >= 0),
    changes INTEGER NOT NULL CHECK (changes >= 0),
    digest_changes INTEGER CHECK (digest_changes >= 1),
    digest_last_at INTEGER CHECK ((digest_last_at IS NULL) = (digest_changes IS NULL)),
    digest_due_at INTEGER CHECK ((digest_due_at IS NULL) = (digest_changes IS NULL))
) STRICT, WITHOUT ROWID;

-- Of tokens, and of the secrets of sessions, only the SHA-256 is stored.
CREATE TABLE operators (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    token BLOB NOT NULL CHECK (length(token) = 32),
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX operators_token ON operators (token);
CREATE UNIQUE INDEX operators_name ON operators (name_key) WHERE revoked_at IS NULL;

-- Sessions of operators.
CREATE TABLE sessions (
    secret BLOB NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    operator BLOB NOT NULL REFERENCES operators (id),
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_operator ON sessions (operator);
CREATE INDEX sessions_end ON sessions (expires_at);

-- API clients. The secrets are encrypted, by keys that no database has. During a rotation there are two.
CREATE TABLE callers (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    access_key TEXT NOT NULL,
    secret BLOB NOT NULL,
    secret_key_id TEXT NOT NULL,
    next_secret BLOB,
    next_secret_key_id TEXT,
    scopes TEXT NOT NULL,
    rate INTEGER NOT NULL CHECK (rate >= 0), -- requests per minute; 0 for no limit
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    suspended_at INTEGER,
    removed_at INTEGER,
    CHECK ((next_secret IS NULL) = (next_secret_key_id IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX callers_access_key ON callers (access_key);
CREATE UNIQUE INDEX callers_name ON callers (name_key) WHERE removed_at IS NULL;

-- Signatures that were accepted, until their requests would be too old to be accepted again.
CREATE TABLE caller_signatures (
    signature BLOB NOT NULL PRIMARY KEY CHECK (length(signature) = 32),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX caller_signatures_end ON caller_signatures (expires_at);

-- Changes of runtime settings, the daily e-mail limit among them. A change without a value is a reset.
CREATE TABLE setting_changes (
    seq INTEGER NOT NULL PRIMARY KEY,
    setting TEXT NOT NULL,
    value TEXT,
    in_force TEXT NOT NULL, -- all settings after the change, as `name=value`: each batch reads those of the last row
    at INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;
CREATE INDEX setting_changes_setting ON setting_changes (setting, seq);

CREATE TABLE audit (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Nearly all entries are of applicants. They are not in these indexes, whose cost decisions would pay.
CREATE INDEX audit_actor ON audit (actor, id) WHERE actor <> 'applicant';
CREATE INDEX audit_action ON audit (action, id) WHERE actor <> 'applicant';
CREATE INDEX audit_subject ON audit (subject, id);
-- Retention finds agreements to the terms by this index, without a scan of the audit.
CREATE INDEX audit_agreements ON audit (id) WHERE action = 'terms.accept';

-- Warnings to operations, one of each name a day.
CREATE TABLE warnings (
    day INTEGER NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;

-- Events for the platform, which are published in the order of `seq`. Without an endpoint, none are stored.
CREATE TABLE platform_events (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('tenant.trial_started', 'tenant.trial_ending', 'tenant.extended',
        'tenant.suspended', 'tenant.resumed', 'tenant.converted', 'tenant.closed', 'tenant.reopened')),
    tenant BLOB NOT NULL,
    at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    next_attempt_at INTEGER NOT NULL,
    lease BLOB,
    settled_at INTEGER,
    last_reply TEXT,
    CHECK ((state = 'due') = (settled_at IS NULL))
) STRICT;
CREATE INDEX platform_events_due ON platform_events (next_attempt_at, seq) WHERE state = 'due';
-- An event waits for the older events of its tenant.
CREATE INDEX platform_events_waiting ON platform_events (tenant, seq) WHERE state = 'due';
CREATE INDEX platform_events_tenant ON platform_events (tenant);
CREATE INDEX platform_events_state ON platform_events (state, id);

-- Endpoints that answered 410 (gone). The id is the digest of the address, which may contain a secret.
CREATE TABLE platform_endpoints (
    id TEXT NOT NULL PRIMARY KEY,
    disabled_at INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

-- One row: the latest instant of a sweep, so that a leap of the clock is noticed after a restart as well; NULL before the
-- first sweep.
CREATE TABLE clock_marks (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seen_at INTEGER
) STRICT;
INSERT INTO clock_marks (id) VALUES (1);

-- The place that this database was transferred to. While it has its one row, nothing is written to any other table.
CREATE TABLE moved_to (
    is_only INTEGER NOT NULL PRIMARY KEY CHECK (is_only = 1),
    place TEXT NOT NULL
) STRICT;
