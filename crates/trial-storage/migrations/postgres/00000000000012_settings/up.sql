-- Settings that operations changed while the service ran, each change a row; without a value, a setting was reset. The last
-- row says in one piece what is in force: it is read with every batch.
CREATE TABLE setting_changes (
    seq BIGINT NOT NULL PRIMARY KEY,
    setting TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C",
    in_force TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL
);
CREATE INDEX setting_changes_setting ON setting_changes (setting, seq);
