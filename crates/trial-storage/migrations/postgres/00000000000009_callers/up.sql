-- The secrets are sealed: the keys that open them are in no database. While one is exchanged for the other, there are two.
CREATE TABLE callers (
    created_at BIGINT NOT NULL,
    suspended_at BIGINT,
    removed_at BIGINT,
    rate BIGINT NOT NULL CHECK (rate >= 0),
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

-- Signatures that were accepted, for as long as they could be once more.
CREATE TABLE caller_signatures (
    expires_at BIGINT NOT NULL,
    signature BYTEA NOT NULL PRIMARY KEY CHECK (length(signature) = 32)
);
CREATE INDEX caller_signatures_end ON caller_signatures (expires_at);
