-- Mails that owners cause have a budget of their own: they take no unit of the threshold, and applicants none of theirs.
ALTER TABLE quota_days ADD COLUMN owner_mails BIGINT NOT NULL DEFAULT 0 CHECK (owner_mails >= 0);
ALTER TABLE mails ADD COLUMN quota_budget TEXT COLLATE "C" NOT NULL DEFAULT 'threshold'
    CHECK (quota_budget IN ('threshold', 'owners'));
DROP INDEX mails_quota;
CREATE UNIQUE INDEX mails_quota ON mails (quota_day, quota_budget, quota_unit);

-- What the owner of a tenant did within an hour and on a day, and the changes of the password that are still to be told.
CREATE TABLE owner_acts (
    tenant BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(tenant) = 16),
    hour BIGINT NOT NULL,
    wishes INTEGER NOT NULL CHECK (wishes >= 0),
    passwords INTEGER NOT NULL CHECK (passwords >= 0),
    sign_outs INTEGER NOT NULL CHECK (sign_outs >= 0),
    day INTEGER NOT NULL,
    links INTEGER NOT NULL CHECK (links >= 0),
    changes INTEGER NOT NULL CHECK (changes >= 0),
    digest_changes INTEGER CHECK (digest_changes >= 1),
    digest_last_at BIGINT CHECK ((digest_last_at IS NULL) = (digest_changes IS NULL)),
    digest_due_at BIGINT CHECK ((digest_due_at IS NULL) = (digest_changes IS NULL))
);
