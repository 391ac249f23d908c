CREATE TABLE quota_thresholds (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    threshold INTEGER NOT NULL CHECK (threshold >= 0),
    since INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;

INSERT INTO quota_thresholds (threshold, since, actor)
SELECT CAST(value AS INTEGER), at, actor FROM setting_changes
WHERE setting = 'quota.threshold' AND value IS NOT NULL ORDER BY seq;
