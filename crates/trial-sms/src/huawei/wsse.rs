//! `X-WSSE`, the service's older scheme: a digest of the secret, a nonce and the time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use trial_core::ports::Entropy;
use trial_signing::AccessKey;

/// `PasswordDigest = Base64(SHA256(Nonce + Created + Password))`, as in the service's documents.
pub(super) fn headers(key: &AccessKey, now: DateTime<Utc>, entropy: &dyn Entropy) -> Vec<(&'static str, String)> {
    let mut nonce = [0; 16];
    entropy.fill(&mut nonce);
    let nonce = format!("{:032x}", u128::from_be_bytes(nonce));
    let created = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let digest = STANDARD.encode(Sha256::digest(format!("{nonce}{created}{}", key.secret())));
    let token = format!(
        "UsernameToken Username=\"{}\",PasswordDigest=\"{digest}\",Nonce=\"{nonce}\",Created=\"{created}\"",
        key.id()
    );
    let authorization = "WSSE realm=\"SDP\",profile=\"UsernameToken\",type=\"Appkey\"";
    vec![("Authorization", authorization.to_owned()), ("X-WSSE", token)]
}
