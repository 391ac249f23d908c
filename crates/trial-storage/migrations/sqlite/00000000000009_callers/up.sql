-- The secrets are sealed: the keys that open them are in no database. While one is exchanged for the other, there are two.
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
    rate INTEGER NOT NULL CHECK (rate >= 0),
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    suspended_at INTEGER,
    removed_at INTEGER,
    CHECK ((next_secret IS NULL) = (next_secret_key_id IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX callers_access_key ON callers (access_key);
CREATE UNIQUE INDEX callers_name ON callers (name_key) WHERE removed_at IS NULL;

-- Signatures that were accepted, for as long as they could be once more.
CREATE TABLE caller_signatures (
    signature BLOB NOT NULL PRIMARY KEY CHECK (length(signature) = 32),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX caller_signatures_end ON caller_signatures (expires_at);
