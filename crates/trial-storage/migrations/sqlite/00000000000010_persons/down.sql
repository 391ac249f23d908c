CREATE TABLE old_phones (
    phone TEXT NOT NULL PRIMARY KEY,
    country_code INTEGER NOT NULL,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    challenge BLOB REFERENCES challenges (id)
) STRICT, WITHOUT ROWID;
INSERT INTO old_phones (phone, country_code, failures, challenge)
    SELECT phone, country_code, failures, challenge FROM phones ORDER BY phone;
DROP TABLE phones;
ALTER TABLE old_phones RENAME TO phones;
DROP INDEX challenges_phone;
DROP INDEX tenants_closed_email;
DROP INDEX tenants_closed_phone;
