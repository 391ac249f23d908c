-- The daily e-mail limit is a setting like the others: its changes go behind those of the other settings.
INSERT INTO setting_changes (seq, setting, value, in_force, at, actor)
SELECT
    coalesce((SELECT max(seq) FROM setting_changes), 0) + row_number() OVER (ORDER BY changed.seq),
    'quota.threshold',
    CAST(changed.threshold AS TEXT),
    trim(coalesce((SELECT in_force FROM setting_changes ORDER BY seq DESC LIMIT 1), '')
        || ' quota.threshold=' || CAST(changed.threshold AS TEXT)),
    changed.since,
    changed.actor
FROM quota_thresholds changed
ORDER BY changed.seq;

DROP TABLE quota_thresholds;
