//! Codes and initial passwords: each key derives the same ones for ever.

use trial_core::values::{ChallengeId, Keyring, KeyringError, Phone, SecretKey, TenantId};
use trial_testkit::data::{application, foreign_phone, keyring, phone, typed};
use trial_testkit::{LedgerHarness, MemoryLedger};

use crate::desks::MINUTE;

const COUNTING: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn ours() -> Phone {
    Phone::from_canonical("+8616673280001", 86)
}

fn code(key_id: &str, challenge: [u8; 16], phone: &Phone) -> String {
    keyring().code(key_id, ChallengeId::from_bytes(challenge), phone).unwrap().reveal().to_owned()
}

fn key(id: &str, byte: u8) -> SecretKey {
    SecretKey::new(id, &[byte; 32]).unwrap()
}

/// Computed once by another implementation of HMAC-SHA256: stored rows depend on these never changing.
#[test]
fn codes_are_what_they_always_were() {
    assert_eq!(code("current", [0; 16], &ours()), "401415");
    assert_eq!(code("former", [0; 16], &ours()), "108414");
    assert_eq!(code("current", COUNTING, &ours()), "422101");
    assert_eq!(code("current", [0; 16], &Phone::from_canonical("+8616673280002", 86)), "956368");
}

#[test]
fn leading_zeros_are_kept() {
    assert_eq!(code("current", 1_389_u128.to_be_bytes(), &ours()), "000602");
}

#[test]
fn passwords_are_what_they_always_were() {
    let password = |key_id, tenant, issue| {
        keyring().password(key_id, TenantId::from_bytes(tenant), issue).unwrap().reveal().to_owned()
    };
    assert_eq!(password("current", [0; 16], 1), "N4TV-WPRM-4NWG-ZXVL");
    assert_eq!(password("current", [0; 16], 2), "VH46-Y6JG-6YZU-4P3A");
    assert_eq!(password("former", COUNTING, 1), "EAG2-AK7Z-5GQM-HYSV");
}

#[test]
fn the_first_key_derives_what_is_new() {
    let challenge = ChallengeId::from_bytes([7; 16]);
    assert_eq!(keyring().current_id(), "current");
    assert_eq!(keyring().current_code(challenge, &ours()), keyring().code("current", challenge, &ours()).unwrap());
}

#[test]
fn a_code_matches_itself_and_nothing_else() {
    let code = keyring().current_code(ChallengeId::from_bytes([0; 16]), &ours());
    assert!(code.matches(&typed("401415")));
    for other in ["401416", "40141", "4014150", "x"] {
        assert!(!code.matches(&typed(other)), "{other:?}");
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let code = keyring().current_code(ChallengeId::from_bytes([0; 16]), &ours());
    let password = keyring().password("current", TenantId::from_bytes([0; 16]), 1).unwrap();
    let shown = format!("{code:?} {password:?} {:?} {:?} {:?}", keyring(), typed("401415"), ours());
    for secret in ["401415", "N4TV", "1, 1", "73280001"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn codes_spread_over_all_digits() {
    let codes = (0..2_000_u128).map(|nonce| code("current", nonce.to_be_bytes(), &foreign_phone(1)));
    let mut seen = [[0_u32; 10]; 6];
    for code in codes {
        for (place, digit) in code.bytes().enumerate() {
            seen[place][usize::from(digit - b'0')] += 1;
        }
    }
    assert!(seen.iter().flatten().all(|count| (120..280).contains(count)), "{seen:?}");
}

#[test]
fn bad_keys_are_named() {
    assert_eq!(SecretKey::new("", &[1; 32]).unwrap_err(), KeyringError::Id(String::new()));
    assert_eq!(SecretKey::new(&"k".repeat(33), &[1; 32]).unwrap_err(), KeyringError::Id("k".repeat(33)));
    assert!(SecretKey::new(&"\u{94a5}".repeat(32), &[1; 32]).is_ok());
    for length in [0, 31, 33] {
        let refused = SecretKey::new("a", &vec![1; length]).unwrap_err();
        assert_eq!(refused, KeyringError::Length { id: "a".to_owned(), length });
        assert!(refused.to_string().contains("secrets generate"));
    }
    assert_eq!(Keyring::new(Vec::new()).unwrap_err(), KeyringError::Empty);
    let twice = Keyring::new(vec![key("a", 1), key("b", 2), key("a", 3)]).unwrap_err();
    assert_eq!(twice, KeyringError::Duplicate("a".to_owned()));
}

#[test]
fn a_key_that_is_gone_is_named() {
    let challenge = ChallengeId::from_bytes([0; 16]);
    let gone = KeyringError::Unknown("gone".to_owned());
    assert_eq!(keyring().code("gone", challenge, &ours()), Err(gone.clone()));
    assert_eq!(keyring().password("gone", TenantId::from_bytes([0; 16]), 1), Err(gone));
}

fn desk_with(keys: Vec<SecretKey>, ledger: MemoryLedger) -> LedgerHarness<MemoryLedger> {
    let planner = trial_core::planner::Planner::new(
        trial_core::policy::Policy::default().into(),
        Keyring::new(keys).unwrap().into(),
    );
    LedgerHarness::with_planner(ledger, planner.into())
}

#[tokio::test]
async fn keys_rotate_while_codes_are_in_flight() {
    let before = desk_with(vec![key("a", 1)], MemoryLedger::default()).with_access_codes(2).await;
    let old = before.send(&phone(1)).await;
    let after = desk_with(vec![key("b", 2), key("a", 1)], (*before.ledger).clone());
    after.entropy.draw::<1000>();
    after.wait(MINUTE);
    let again = after.send(&phone(1)).await;
    assert_eq!((again.challenge, &again.code), (old.challenge, &old.code), "a resend repeats it by its own key");
    let new = after.send(&phone(2)).await;
    assert_eq!(after.apply_for_code(application(1, old.code.reveal())).await, "000");
    assert_eq!(after.apply_for_code(application(2, new.code.reveal())).await, "000");
    let ids: Vec<_> = after.ledger.state().tenants.into_values().map(|tenant| tenant.key_id).collect();
    assert_eq!(ids, ["b", "b"], "what is new is derived by the new key");
}

#[tokio::test]
async fn a_code_whose_key_is_gone_is_an_exception_and_a_new_one_can_be_had() {
    let before = desk_with(vec![key("a", 1)], MemoryLedger::default()).with_access_codes(1).await;
    let old = before.send(&phone(1)).await;
    let after = desk_with(vec![key("b", 2)], (*before.ledger).clone());
    after.entropy.draw::<1000>();
    assert_eq!(after.apply_for_code(application(1, old.code.reveal())).await, "003");
    after.wait(MINUTE);
    let new = after.send(&phone(1)).await;
    assert_ne!(new.challenge, old.challenge);
    assert_eq!(after.apply_for_code(application(1, new.code.reveal())).await, "000");
}
