//! Numbered values for tests: the same number gives the same value, another number another one.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rlibphonenumber::Region;
use trial_core::access_codes::AccessCodeImport;
use trial_core::applications::Application;
use trial_core::audit::ChangedBy;
use trial_core::clients::{
    ApiClient, ApiClientCredentials, ApiClientName, DEFAULT_CLIENT_RATE, EncryptedSecret, Scope,
};
use trial_core::operators::{Operator, OperatorName, OperatorToken, Role};
use trial_core::planner::{Batch, FreshIds, Planner, Request};
use trial_core::policy::Policy;
use trial_core::values::{
    AccessCode, AccessCodeKind, ApiClientId, AuditId, CompanyName, Email, Keyring, Locale, OperatorId, Phone,
    PhonePolicy, RequestId, SecretKey, SubmittedCode,
};
use trial_core::verification::CodeRequest;

use crate::SeededEntropy;

/// A mobile phone of China.
pub fn phone(n: u32) -> Phone {
    served_phone(&format!("+86166{n:08}"))
}

/// A mobile phone of Hong Kong, a foreign one by the default policy.
pub fn foreign_phone(n: u32) -> Phone {
    served_phone(&format!("+852512{n:05}"))
}

fn served_phone(e164: &str) -> Phone {
    let policy = PhonePolicy { default_region: Region::CN, countries: vec![Region::CN, Region::HK] };
    Phone::parse(e164, &policy).expect("a mobile phone")
}

/// An e-mail address.
pub fn email(n: u32) -> Email {
    Email::parse(&format!("applicant{n}@example.com")).expect("an e-mail address")
}

/// A company.
pub fn company(n: u32) -> CompanyName {
    CompanyName::parse(&format!("Company {n}")).expect("a name")
}

/// The code as an applicant typed it.
pub fn typed(code: &str) -> SubmittedCode {
    SubmittedCode::parse(code).expect("1 to 16 characters")
}

/// The id of an exchange.
pub fn request_id(text: &str) -> RequestId {
    RequestId::from_caller(text).expect("a sane id")
}

/// A request for a code.
pub fn code_request(phone: &Phone) -> CodeRequest {
    CodeRequest { request_id: request_id("ask"), phone: phone.clone(), locale: Locale::En }
}

/// An application of the `n`-th applicant, who shares nothing with any other.
pub fn application(n: u32, code: &str) -> Application {
    Application {
        request_id: request_id(&format!("apply-{n}")),
        company: company(n),
        phone: phone(n),
        code: typed(code),
        email: email(n),
        locale: Locale::En,
        agreed: None,
    }
}

/// A voice access code.
pub fn voice(n: u32) -> AccessCode {
    AccessCode::parse(&format!("400{n:05}")).expect("an access code")
}

/// A multimedia access code.
pub fn multimedia(n: u32) -> AccessCode {
    AccessCode::parse(&format!("chat-{n:05}")).expect("an access code")
}

/// An import of the first `pairs` access codes of each kind.
pub fn access_codes(pairs: u32) -> AccessCodeImport {
    let row = |line: u32, code, kind| (u64::from(line), code, kind);
    let rows = (1..=pairs).flat_map(|n| {
        [row(2 * n, voice(n), AccessCodeKind::Voice), row(2 * n + 1, multimedia(n), AccessCodeKind::Multimedia)]
    });
    AccessCodeImport { rows: rows.collect() }
}

/// The author of a change.
pub fn changed_by(at: DateTime<Utc>, entropy: &SeededEntropy) -> ChangedBy {
    ChangedBy { actor: "operator".to_owned(), at, audit: AuditId::new(at, entropy.draw()) }
}

/// A batch, with fresh ids for each request.
pub fn batch(now: DateTime<Utc>, entropy: &SeededEntropy, requests: impl IntoIterator<Item = Request>) -> Batch {
    let with_ids = |request| (FreshIds::new(now, &entropy.draw()), request);
    Batch { now, requests: requests.into_iter().map(with_ids).collect() }
}

/// Keys for tests: `current` derives, `former` only verifies.
pub fn keyring() -> Keyring {
    let key = |id, byte| SecretKey::new(id, &[byte; 32]).expect("32 bytes");
    Keyring::new(vec![key("current", 1), key("former", 2)]).expect("two keys")
}

/// A planner by the default policy.
pub fn planner() -> Arc<Planner> {
    planner_with(|_| {})
}

/// A planner by a policy that differs from the default.
pub fn planner_with(change: impl FnOnce(&mut Policy)) -> Arc<Planner> {
    let mut policy = Policy::default();
    change(&mut policy);
    Arc::new(Planner::new(Arc::new(policy), Arc::new(keyring())))
}

/// The token of the `n`-th operator.
pub fn operator_token(n: u8) -> OperatorToken {
    OperatorToken::new(&[n; 32])
}

/// The `n`-th operator, whose token does not end.
pub fn operator(n: u8, name: &str, role: Role, now: DateTime<Utc>) -> Operator {
    Operator {
        id: OperatorId::new(now, [n; 10]),
        name: OperatorName::parse(name).expect("a name"),
        role,
        token: operator_token(n).hash(),
        created_at: now,
        created_by: "cli:test".to_owned(),
        expires_at: None,
        revoked_at: None,
    }
}

/// An encrypted secret; no key decrypts it.
pub fn sealed_secret(n: u8) -> EncryptedSecret {
    EncryptedSecret { key_id: "current".to_owned(), sealed: vec![n; 40] }
}

/// The credentials of the `n`-th API client.
pub fn caller_credentials(n: u8) -> ApiClientCredentials {
    ApiClientCredentials::new(&[n; 48])
}

/// The `n`-th API client, with all scopes; its secret is encrypted with the [`keyring`].
pub fn caller(n: u8, name: &str, now: DateTime<Utc>) -> ApiClient {
    let ApiClientCredentials { access_key, secret } = caller_credentials(n);
    ApiClient {
        id: ApiClientId::new(now, [n; 10]),
        name: ApiClientName::parse(name).expect("a name"),
        secret: secret.seal(&access_key, &keyring(), &[n; Keyring::NONCE]),
        access_key,
        next_secret: None,
        scopes: Scope::ALL.iter().copied().collect(),
        rate: DEFAULT_CLIENT_RATE,
        created_at: now,
        created_by: "cli:test".to_owned(),
        suspended_at: None,
        removed_at: None,
    }
}
