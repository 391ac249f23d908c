-- Passwords that owners of tenants chose, as their hashes by Argon2id. One is in force while its issue is the tenant's.
CREATE TABLE portal_passwords (
    tenant BLOB NOT NULL PRIMARY KEY,
    issue INTEGER NOT NULL CHECK (issue >= 1),
    hash TEXT NOT NULL,
    set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Of the secrets of sessions, the SHA-256 alone is kept.
CREATE TABLE portal_sessions (
    secret BLOB NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    tenant BLOB NOT NULL,
    issue INTEGER NOT NULL CHECK (issue >= 1),
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX portal_sessions_tenant ON portal_sessions (tenant);
CREATE INDEX portal_sessions_end ON portal_sessions (expires_at);

-- Tries to sign in, of this hour: an account or an address is a digest.
CREATE TABLE portal_tries (
    hour INTEGER NOT NULL,
    who BLOB NOT NULL CHECK (length(who) = 32),
    tries INTEGER NOT NULL CHECK (tries >= 1),
    PRIMARY KEY (hour, who)
) STRICT, WITHOUT ROWID;
