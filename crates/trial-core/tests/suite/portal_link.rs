//! The forgotten-password link and the counters of the portal, which are stored as keyed hashes.

use chrono::DateTime;
use trial_core::portal::{AttemptKind, PortalAttempt, PortalLinkClaim};
use trial_core::values::{Keyring, SecretKey, TenantId};

fn keyring(keys: &[(&str, u8)]) -> Keyring {
    Keyring::new(keys.iter().map(|(id, byte)| SecretKey::new(id, &[*byte; 32]).unwrap()).collect()).unwrap()
}

fn claim() -> PortalLinkClaim {
    let made_at = DateTime::from_timestamp_millis(1_795_000_000_123).unwrap();
    PortalLinkClaim { tenant: TenantId::from_bytes([7; 16]), issue: 3, made_at }
}

#[test]
fn it_is_read_by_whoever_has_the_key_also_behind_another() {
    let link = claim().sign(&keyring(&[("a", 1)]));
    assert_eq!(PortalLinkClaim::read(link.reveal(), &keyring(&[("a", 1)])), Some(claim()));
    assert_eq!(PortalLinkClaim::read(link.reveal(), &keyring(&[("b", 2), ("a", 1)])), Some(claim()));
    assert_eq!(PortalLinkClaim::read(link.reveal(), &keyring(&[("b", 2)])), None);
    assert_eq!(format!("{link:?}"), "PortalLink(***)");
}

#[test]
fn not_a_bit_of_it_can_be_changed() {
    let keyring = keyring(&[("a", 1)]);
    let link = claim().sign(&keyring);
    let text = link.reveal();
    for place in 0..text.len() {
        let mut other = text.to_owned();
        other.replace_range(place..=place, if &text[place..=place] == "A" { "B" } else { "A" });
        assert_eq!(PortalLinkClaim::read(&other, &keyring), None, "{place}");
    }
    for other in ["", "=", &text[4..], &format!("{text}AAAA")] {
        assert_eq!(PortalLinkClaim::read(other, &keyring), None);
    }
}

/// The stored form of an account or an address cannot be computed from the database alone.
#[test]
fn a_try_is_counted_by_what_only_the_key_makes() {
    let at = |kind, account, address, key| {
        PortalAttempt::new(kind, account, address, claim().made_at, &keyring(&[("a", key)]))
    };
    let one = at(AttemptKind::SignIn, "a@example.com", "192.0.2.1", 1);
    assert_eq!(one, at(AttemptKind::SignIn, "a@example.com", "192.0.2.1", 1));
    let other_key = at(AttemptKind::SignIn, "a@example.com", "192.0.2.1", 2);
    assert!(one.account != other_key.account && one.address != other_key.address);
    let others = [
        at(AttemptKind::Link, "a@example.com", "192.0.2.1", 1),
        at(AttemptKind::SignIn, "192.0.2.1", "a@example.com", 1),
        at(AttemptKind::SignIn, "b@example.com", "192.0.2.2", 1),
    ];
    for other in others {
        assert!(
            ![other.account, other.address].iter().any(|hash| [one.account, one.address].contains(hash)),
            "{other:?}"
        );
    }
}
