-- Settings that operations changed while the service ran, each change a row; without a value, a setting was reset. The last
-- row says in one piece what is in force: it is read with every batch.
CREATE TABLE setting_changes (
    seq INTEGER NOT NULL PRIMARY KEY,
    setting TEXT NOT NULL,
    value TEXT,
    in_force TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;
CREATE INDEX setting_changes_setting ON setting_changes (setting, seq);
