-- Looking for a person, showing it and erasing it reads no whole table. Nobody in use is looked for by these indexes.
CREATE INDEX tenants_closed_phone ON tenants (phone) WHERE status = 'closed';
CREATE INDEX tenants_closed_email ON tenants (email_key) WHERE status = 'closed';
CREATE INDEX challenges_phone ON challenges (phone);

-- Without its foreign key, for which each code that was removed was looked for in all phones. `trialgate doctor` looks after it.
CREATE TABLE new_phones (
    phone TEXT NOT NULL PRIMARY KEY,
    country_code INTEGER NOT NULL,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    challenge BLOB
) STRICT, WITHOUT ROWID;
INSERT INTO new_phones (phone, country_code, failures, challenge)
    SELECT phone, country_code, failures, challenge FROM phones ORDER BY phone;
DROP TABLE phones;
ALTER TABLE new_phones RENAME TO phones;
