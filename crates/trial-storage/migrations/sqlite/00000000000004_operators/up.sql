-- Of tokens and of the secrets of sessions, the SHA-256 alone is kept.
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

CREATE TABLE sessions (
    secret BLOB NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    operator BLOB NOT NULL REFERENCES operators (id),
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_operator ON sessions (operator);
CREATE INDEX sessions_end ON sessions (expires_at);

-- Nearly all entries are of applicants, whose decisions should not pay for the search of what people did.
CREATE INDEX audit_actor ON audit (actor, id) WHERE actor <> 'applicant';
CREATE INDEX audit_action ON audit (action, id) WHERE actor <> 'applicant';
CREATE INDEX audit_subject ON audit (subject, id);
