//! The link to another password.

use chrono::DateTime;
use trial_core::{Keyring, PortalLinkClaim, SecretKey, TenantId};

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
