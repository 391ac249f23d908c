-- Of tokens and of the secrets of sessions, the SHA-256 alone is kept.
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

CREATE TABLE sessions (
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    secret BYTEA NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    operator BYTEA NOT NULL
);
CREATE INDEX sessions_operator ON sessions (operator);
CREATE INDEX sessions_end ON sessions (expires_at);

-- Nearly all entries are of applicants, whose decisions should not pay for the search of what people did.
CREATE INDEX audit_actor ON audit (actor, id) WHERE actor <> 'applicant';
CREATE INDEX audit_action ON audit (action, id) WHERE actor <> 'applicant';
CREATE INDEX audit_subject ON audit (subject, id);
