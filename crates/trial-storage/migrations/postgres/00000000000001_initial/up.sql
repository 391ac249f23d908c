-- Times are microseconds since the epoch, days are days since the epoch in the time zone of the policy, ids are the 16 bytes
-- of a UUIDv7. Texts compare by their bytes. Columns are in the order of their width, so that rows need no padding.
--
-- There are no foreign keys: each check would lock the other row. Decisions are serialised by the admission lock, and
-- `trialgate doctor` checks the references.

-- Verification codes. A code is derived from its id and a key; it is stored nowhere.
CREATE TABLE challenges (
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    proven_at BIGINT, -- the first submission; recorded while a rule uses the counts of number ranges
    tries INTEGER NOT NULL CHECK (tries >= 0), -- wrong attempts
    id BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    phone TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'consumed', 'unsent'))
) WITH (fillfactor = 80);
CREATE INDEX challenges_phone ON challenges (phone);

CREATE TABLE phones (
    country_code INTEGER NOT NULL,
    failures INTEGER NOT NULL CHECK (failures >= 0), -- consecutive wrong attempts, over all codes
    phone TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    challenge BYTEA, -- the current code
    previous BYTEA -- the code before it, valid until the gateway has accepted the current one
) WITH (fillfactor = 80);

-- Requests for codes: each has a message, or the refusal as JSON.
CREATE TABLE code_requests (
    at BIGINT NOT NULL,
    delivery_at BIGINT,
    country_code INTEGER NOT NULL,
    id BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    request_id TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C" NOT NULL,
    challenge BYTEA,
    state TEXT COLLATE "C" CHECK (state IN ('sending', 'accepted', 'refused', 'unreached', 'unknown')),
    refusal TEXT COLLATE "C",
    gateway TEXT COLLATE "C",
    reply TEXT COLLATE "C", -- of the gateway; the provider's id of the message if it was accepted
    delivery TEXT COLLATE "C" CHECK (delivery IN ('sent', 'delivered', 'failed')),
    delivery_reason TEXT COLLATE "C",
    CHECK ((refusal IS NULL) = (state IS NOT NULL) AND (refusal IS NULL) = (challenge IS NOT NULL)),
    CHECK ((delivery IS NULL) = (delivery_at IS NULL) AND (delivery IS NULL OR state = 'accepted'))
) WITH (fillfactor = 80);
CREATE INDEX code_requests_phone ON code_requests (phone, at);
CREATE INDEX code_requests_request_id ON code_requests (request_id);
-- Delivery receipts name a message by the provider's id. An index entry has a maximum size: receipts find no longer reply.
CREATE INDEX code_requests_provider_id ON code_requests (gateway, reply, at)
    WHERE state = 'accepted' AND length(reply) <= 200;

-- Messages of a day to each country, for its budget.
--
-- Decisions change the rows of this table, of `pool_marks` and of `quota_days` all the time. While another transaction holds
-- an old snapshot (a long pg_dump), none of their earlier versions can be removed. Each change increments `version`, and a
-- look-up by key reads the index backwards: it meets the row in force first, however many versions precede it. There is one
-- row for each key.
CREATE TABLE sms_days (
    sent BIGINT NOT NULL CHECK (sent >= 0),
    version BIGINT NOT NULL DEFAULT 1,
    day INTEGER NOT NULL,
    country_code INTEGER NOT NULL,
    PRIMARY KEY (day, country_code, version)
);

-- Counts of each number range (the digits of a phone without the last four) in spans of five minutes since the epoch. A count
-- can be negative if counting began between a message and the report that it was not sent.
CREATE TABLE prefix_spans (
    prefix BIGINT NOT NULL CHECK (prefix > 0),
    span INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    sent INTEGER NOT NULL, -- codes
    used INTEGER NOT NULL, -- codes that were submitted
    PRIMARY KEY (prefix, span)
) WITH (fillfactor = 50);
CREATE INDEX prefix_spans_span ON prefix_spans (span);

-- The last block of each number range, in force or expired.
CREATE TABLE prefix_blocks (
    prefix BIGINT NOT NULL PRIMARY KEY CHECK (prefix > 0),
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    sent BIGINT NOT NULL CHECK (sent >= 0), -- the counts that it was judged by
    used BIGINT NOT NULL CHECK (used >= 0),
    met BIGINT NOT NULL CHECK (met >= 0), -- requests that it applied to
    counted_after INTEGER NOT NULL -- spans up to this one are not judged again
) WITH (fillfactor = 50);
CREATE INDEX prefix_blocks_until ON prefix_blocks (until);

-- Number ranges that are never blocked, with all that begin with them.
CREATE TABLE safe_prefixes (
    prefix BIGINT NOT NULL PRIMARY KEY CHECK (prefix > 0),
    at BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL
);

CREATE TABLE tenants (
    created_at BIGINT NOT NULL,
    trial_ends_at BIGINT NOT NULL,
    converted_at BIGINT CHECK (status <> 'commercial' OR converted_at IS NOT NULL),
    suspended_at BIGINT CHECK ((status = 'suspended') = (suspended_at IS NOT NULL)),
    closes_at BIGINT CHECK (closes_at IS NULL OR status = 'suspended'), -- the end of the grace period
    closed_at BIGINT CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    told_until BIGINT NOT NULL, -- the owner was notified of events up to this time
    next_step_at BIGINT, -- the next scheduled task
    conversion_asked_at BIGINT CHECK (conversion_asked_at IS NULL OR status IN ('trial', 'suspended')),
    password_issued_at BIGINT NOT NULL,
    password_issue INTEGER NOT NULL CHECK (password_issue >= 1), -- the number of initial passwords so far
    country_code INTEGER NOT NULL,
    id BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('trial', 'suspended', 'commercial', 'closed')),
    phone TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL, -- the form that is compared, as for the company
    company TEXT COLLATE "C" NOT NULL,
    company_key TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL, -- the key that derives the initial password
    locale TEXT COLLATE "C" NOT NULL CHECK (locale IN ('en', 'zh-CN'))
);
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
    since BIGINT NOT NULL, -- the start of the state
    code TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('voice', 'multimedia')),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('free', 'leased', 'quarantined', 'retired')),
    tenant BYTEA,
    last_tenant BYTEA, -- a released code can be returned to it
    CHECK ((state = 'leased') = (tenant IS NOT NULL)),
    CHECK (last_tenant IS NULL OR state IN ('quarantined', 'retired'))
);
CREATE INDEX access_codes_free ON access_codes (kind, since, code) WHERE state = 'free';
CREATE UNIQUE INDEX access_codes_tenant ON access_codes (tenant, kind) WHERE tenant IS NOT NULL;
CREATE INDEX access_codes_last_tenant ON access_codes (last_tenant) WHERE last_tenant IS NOT NULL;
CREATE INDEX access_codes_quarantined ON access_codes (since, code, kind) WHERE state = 'quarantined';
CREATE INDEX access_codes_retired ON access_codes (kind, code) WHERE state = 'retired';

-- No free code of a kind precedes its mark: a search for the first one skips the index entries of all codes that were given
-- before it. A code that becomes free moves the mark back. See `sms_days` for `version`.
CREATE TABLE pool_marks (
    since BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('voice', 'multimedia')),
    code TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, version)
);
INSERT INTO pool_marks (since, kind, code) VALUES (0, 'voice', ''), (0, 'multimedia', '');

-- Applications: each has its tenant, or the refusal as JSON.
CREATE TABLE applications (
    at BIGINT NOT NULL,
    country_code INTEGER NOT NULL,
    id BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    request_id TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    company TEXT COLLATE "C" NOT NULL,
    company_key TEXT COLLATE "C" NOT NULL,
    challenge BYTEA, -- the code that the submitted one was compared with
    outcome TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('accepted', 'replayed', 'refused')),
    return_code TEXT COLLATE "C" NOT NULL,
    tenant BYTEA,
    refusal TEXT COLLATE "C",
    CHECK ((outcome = 'refused') = (refusal IS NOT NULL) AND (outcome = 'refused') = (tenant IS NULL))
);
CREATE INDEX applications_phone ON applications (phone, at);
CREATE INDEX applications_email ON applications (email_key, at);
CREATE INDEX applications_request_id ON applications (request_id);
CREATE INDEX applications_return_code ON applications (return_code, id);
CREATE INDEX applications_company ON applications (company_key, at);

-- Applications of each whole hour. An hour is counted if it has a row with the return code ''.
CREATE TABLE application_hours (
    hour BIGINT NOT NULL, -- its start
    applications BIGINT NOT NULL CHECK (applications >= 0),
    tenants BIGINT NOT NULL CHECK (tenants >= 0),
    return_code TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (hour, return_code)
);

-- Units of a day's e-mail budgets. Mails that owners cause have a budget of their own. See `sms_days` for `version`.
CREATE TABLE quota_days (
    reserved BIGINT NOT NULL CHECK (reserved >= 0), -- units of the daily e-mail limit
    owner_mails BIGINT NOT NULL DEFAULT 0 CHECK (owner_mails >= 0),
    version BIGINT NOT NULL DEFAULT 1,
    day INTEGER NOT NULL,
    PRIMARY KEY (day, version)
);

-- The outbox. Each mail takes a unit of its day, except warnings to operations, which have no tenant, and notices of a
-- changed password on a day that has no unit left.
CREATE TABLE mails (
    created_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL, -- of a leased mail, the end of the lease
    settled_at BIGINT,
    quota_unit BIGINT CHECK (quota_unit BETWEEN 1 AND quota_threshold),
    quota_threshold BIGINT, -- the limit when it took the unit
    quota_day INTEGER,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    priority INTEGER NOT NULL, -- 0 is the most urgent
    id BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BYTEA,
    lease BYTEA,
    kind TEXT COLLATE "C" NOT NULL
        CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning', 'password', 'password_changed')),
    locale TEXT COLLATE "C" NOT NULL CHECK (locale IN ('en', 'zh-CN')),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('due', 'sent', 'failed', 'overtaken')),
    quota_budget TEXT COLLATE "C" NOT NULL DEFAULT 'threshold' CHECK (quota_budget IN ('threshold', 'owners')),
    recipient TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C", -- the text of a warning, the password that a link replaces, the changes that a digest reports
    last_reply TEXT COLLATE "C",
    CHECK ((tenant IS NULL) = (kind = 'warning') AND (quota_day IS NULL OR kind <> 'warning')
        AND (quota_day IS NOT NULL OR kind IN ('warning', 'password_changed'))
        AND (quota_unit IS NULL) = (quota_day IS NULL) AND (quota_threshold IS NULL) = (quota_day IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX mails_tenant ON mails (tenant);
CREATE INDEX mails_due ON mails (priority, next_attempt_at, id) WHERE state = 'due';
CREATE INDEX mails_failed ON mails (id) WHERE state = 'failed';
CREATE UNIQUE INDEX mails_quota ON mails (quota_day, quota_budget, quota_unit);

-- Every attempt to deliver a mail, with the reply of the server.
CREATE TABLE mail_attempts (
    at BIGINT NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    mail BYTEA NOT NULL,
    result TEXT COLLATE "C" NOT NULL CHECK (result IN ('sent', 'retry', 'failed', 'overtaken')),
    reply TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (mail, attempt)
);

-- Passwords that owners chose, as their hashes by Argon2id. One is in force while its issue is the tenant's.
CREATE TABLE portal_passwords (
    set_at BIGINT NOT NULL,
    issue INTEGER NOT NULL CHECK (issue >= 1),
    tenant BYTEA NOT NULL PRIMARY KEY,
    hash TEXT COLLATE "C" NOT NULL
);

-- Sessions of owners. Of a secret, only its SHA-256 is stored.
CREATE TABLE portal_sessions (
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    issue INTEGER NOT NULL CHECK (issue >= 1), -- the password of the sign-in
    secret BYTEA NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    tenant BYTEA NOT NULL
);
CREATE INDEX portal_sessions_tenant ON portal_sessions (tenant);
CREATE INDEX portal_sessions_end ON portal_sessions (expires_at);

-- Attempts of a whole hour since the epoch, by the keyed hash of an account or of a client address.
CREATE TABLE portal_tries (
    hour BIGINT NOT NULL,
    tries INTEGER NOT NULL CHECK (tries >= 1),
    who BYTEA NOT NULL CHECK (length(who) = 32),
    PRIMARY KEY (hour, who)
);

-- Acts of an owner in a whole hour since the epoch and on a day, and the password changes that are still to be notified.
CREATE TABLE owner_acts (
    hour BIGINT NOT NULL,
    digest_last_at BIGINT CHECK ((digest_last_at IS NULL) = (digest_changes IS NULL)),
    digest_due_at BIGINT CHECK ((digest_due_at IS NULL) = (digest_changes IS NULL)),
    digest_changes INTEGER CHECK (digest_changes >= 1),
    wishes INTEGER NOT NULL CHECK (wishes >= 0), -- requests for conversion, and withdrawals
    passwords INTEGER NOT NULL CHECK (passwords >= 0),
    sign_outs INTEGER NOT NULL CHECK (sign_outs >= 0),
    day INTEGER NOT NULL,
    links INTEGER NOT NULL CHECK (links >= 0),
    changes INTEGER NOT NULL CHECK (changes >= 0),
    tenant BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(tenant) = 16)
);

-- Of tokens, and of the secrets of sessions, only the SHA-256 is stored.
CREATE TABLE operators (
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    id BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    token BYTEA NOT NULL CHECK (length(token) = 32),
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created_by TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX operators_token ON operators (token);
CREATE UNIQUE INDEX operators_name ON operators (name_key) WHERE revoked_at IS NULL;

-- Sessions of operators.
CREATE TABLE sessions (
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    secret BYTEA NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    operator BYTEA NOT NULL
);
CREATE INDEX sessions_operator ON sessions (operator);
CREATE INDEX sessions_end ON sessions (expires_at);

-- API clients. The secrets are encrypted, by keys that no database has. During a rotation there are two.
CREATE TABLE callers (
    created_at BIGINT NOT NULL,
    suspended_at BIGINT,
    removed_at BIGINT,
    rate BIGINT NOT NULL CHECK (rate >= 0), -- requests per minute; 0 for no limit
    id BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    secret BYTEA NOT NULL,
    next_secret BYTEA,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    access_key TEXT COLLATE "C" NOT NULL,
    secret_key_id TEXT COLLATE "C" NOT NULL,
    next_secret_key_id TEXT COLLATE "C",
    scopes TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    CHECK ((next_secret IS NULL) = (next_secret_key_id IS NULL))
);
CREATE UNIQUE INDEX callers_access_key ON callers (access_key);
CREATE UNIQUE INDEX callers_name ON callers (name_key) WHERE removed_at IS NULL;

-- Signatures that were accepted, until their requests would be too old to be accepted again.
CREATE TABLE caller_signatures (
    expires_at BIGINT NOT NULL,
    signature BYTEA NOT NULL PRIMARY KEY CHECK (length(signature) = 32)
);
CREATE INDEX caller_signatures_end ON caller_signatures (expires_at);

-- Changes of runtime settings, the daily e-mail limit among them. A change without a value is a reset.
CREATE TABLE setting_changes (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    setting TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C",
    in_force TEXT COLLATE "C" NOT NULL, -- all settings after the change, as `name=value`: each batch reads those of the last row
    actor TEXT COLLATE "C" NOT NULL
);
CREATE INDEX setting_changes_setting ON setting_changes (setting, seq);

CREATE TABLE audit (
    at BIGINT NOT NULL,
    id BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL
);
-- Nearly all entries are of applicants. They are not in these indexes, whose cost decisions would pay.
CREATE INDEX audit_actor ON audit (actor, id) WHERE actor <> 'applicant';
CREATE INDEX audit_action ON audit (action, id) WHERE actor <> 'applicant';
CREATE INDEX audit_subject ON audit (subject, id);
-- Retention finds agreements to the terms by this index, without a scan of the audit.
CREATE INDEX audit_agreements ON audit (id) WHERE action = 'terms.accept';

-- Warnings to operations, one of each name a day.
CREATE TABLE warnings (
    at BIGINT NOT NULL,
    day INTEGER NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    words TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (day, name)
);

-- Events for the platform, which are published in the order of `seq`. Without an endpoint, none are stored.
CREATE TABLE platform_events (
    seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    settled_at BIGINT,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    id BYTEA NOT NULL UNIQUE CHECK (length(id) = 16),
    tenant BYTEA NOT NULL,
    lease BYTEA,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('tenant.trial_started', 'tenant.trial_ending', 'tenant.extended',
        'tenant.suspended', 'tenant.resumed', 'tenant.converted', 'tenant.closed', 'tenant.reopened')),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    payload TEXT COLLATE "C" NOT NULL,
    last_reply TEXT COLLATE "C",
    CHECK ((state = 'due') = (settled_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX platform_events_due ON platform_events (next_attempt_at, seq) WHERE state = 'due';
-- An event waits for the older events of its tenant.
CREATE INDEX platform_events_waiting ON platform_events (tenant, seq) WHERE state = 'due';
CREATE INDEX platform_events_tenant ON platform_events (tenant);
CREATE INDEX platform_events_state ON platform_events (state, id);

-- Endpoints that answered 410 (gone). The id is the digest of the address, which may contain a secret.
CREATE TABLE platform_endpoints (
    disabled_at BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    reason TEXT COLLATE "C" NOT NULL
);

-- One row: the latest instant of a sweep, so that a leap of the clock is noticed after a restart as well; NULL before the
-- first sweep.
CREATE TABLE clock_marks (
    seen_at BIGINT,
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1)
) WITH (fillfactor = 50);
INSERT INTO clock_marks (id) VALUES (1);

-- The source of a transfer into this database, until the transfer is complete. Nothing is served meanwhile.
CREATE TABLE moving_in (
    since BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL PRIMARY KEY
);

-- The latest batches that stored something, by their transaction, their time and the timeline. An instance looks up the last
-- batch that it remembers: a server that lacks it has lost acknowledged work. A restored server repeats the numbers of
-- transactions.
CREATE TABLE decided_batches (
    transaction BIGINT NOT NULL,
    at BIGINT NOT NULL,
    timeline TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (transaction, at)
);

-- One row. `halted` is the reason for which nothing is decided; an operator who has examined it increments `confirmed`.
CREATE TABLE database_state (
    confirmed BIGINT NOT NULL DEFAULT 0,
    is_only BOOLEAN NOT NULL PRIMARY KEY DEFAULT TRUE CHECK (is_only),
    halted TEXT COLLATE "C"
);
INSERT INTO database_state DEFAULT VALUES;
