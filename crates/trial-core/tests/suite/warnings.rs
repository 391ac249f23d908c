//! What operations are warned of, and when.

use chrono::{DateTime, NaiveDate};
use trial_core::{AccessCodeKind, AccessCodeStock, PoolOutlook, QuotaView, warnings};

fn names(free: u64, reserved: u32, threshold: u32) -> Vec<String> {
    let kind = AccessCodeKind::Voice;
    let stock = AccessCodeStock { kind, free, leased: 0, quarantined: 0, retired: 0 };
    let pool = [PoolOutlook { stock, taken: 28, next_rest_ends_at: None }];
    let quota = QuotaView { day: NaiveDate::default(), threshold, reserved, sent: 0, failed: 0 };
    warnings(&pool, &quota, 20, DateTime::UNIX_EPOCH).into_iter().map(|warning| warning.name).collect()
}

#[test]
fn each_level_has_its_name() {
    for (free, reserved, threshold, expected) in [
        (21, 0, 1000, &[][..]),
        (20, 0, 1000, &["pool.voice.low"]),
        (0, 0, 1000, &["pool.voice.empty"]),
        (21, 699, 1000, &[]),
        (21, 700, 1000, &["quota.70"]),
        (21, 900, 1000, &["quota.90"]),
        (21, 1000, 1000, &["quota.100"]),
        (21, 5, 3, &["quota.100"]),
        (21, 0, 0, &["quota.100"]),
    ] {
        assert_eq!(names(free, reserved, threshold), expected, "{free} {reserved} {threshold}");
    }
}

#[test]
fn the_words_say_how_long_it_lasts() {
    let stock = AccessCodeStock { kind: AccessCodeKind::Multimedia, free: 3, leased: 9, quarantined: 0, retired: 0 };
    let pool = [PoolOutlook { stock, taken: 28, next_rest_ends_at: None }];
    let quota = QuotaView { day: NaiveDate::default(), threshold: 10, reserved: 0, sent: 0, failed: 0 };
    let told = warnings(&pool, &quota, 20, DateTime::UNIX_EPOCH);
    assert_eq!(told[0].words, "multimedia access codes: 3 free, enough for 1.5 days");
    assert_eq!(pool[0].days_until_empty(), Some(1.5));
}
