-- What the platform is to be told, in the order of `seq`; nothing, where nobody listens.
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
-- Whether an older event of a tenant is not settled yet.
CREATE INDEX platform_events_waiting ON platform_events (tenant, seq) WHERE state = 'due';
CREATE INDEX platform_events_tenant ON platform_events (tenant);
CREATE INDEX platform_events_state ON platform_events (state, id);

-- Receivers that have said that they are gone. An id is the digest of an address.
CREATE TABLE platform_endpoints (
    id TEXT NOT NULL PRIMARY KEY,
    disabled_at INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
