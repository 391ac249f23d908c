-- Passwords that owners of tenants chose, as their hashes by Argon2id. One is in force while its issue is the tenant's.
CREATE TABLE portal_passwords (
    tenant BYTEA NOT NULL PRIMARY KEY,
    issue INTEGER NOT NULL CHECK (issue >= 1),
    hash TEXT COLLATE "C" NOT NULL,
    set_at BIGINT NOT NULL
);

-- Of the secrets of sessions, the SHA-256 alone is kept.
CREATE TABLE portal_sessions (
    secret BYTEA NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    tenant BYTEA NOT NULL,
    issue INTEGER NOT NULL CHECK (issue >= 1),
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX portal_sessions_tenant ON portal_sessions (tenant);
CREATE INDEX portal_sessions_end ON portal_sessions (expires_at);

-- Tries to sign in, of this hour: an account or an address is a digest.
CREATE TABLE portal_tries (
    hour BIGINT NOT NULL,
    who BYTEA NOT NULL CHECK (length(who) = 32),
    tries INTEGER NOT NULL CHECK (tries >= 1),
    PRIMARY KEY (hour, who)
);
