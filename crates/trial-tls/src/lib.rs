//! TLS of the connections that Trialgate opens by itself over HTTP and SMPP: by ring, trusting what the machine trusts.

use std::sync::Arc;

use rustls::{ClientConfig, Error, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// TLS 1.2 and 1.3 with certificates that the machine trusts. Its authorities are asked for only where TLS is used: there
/// may be none.
///
/// # Errors
/// The machine's authorities cannot be read.
pub fn client_config(is_used: bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    if is_used {
        return Ok(builder.with_platform_verifier()?.with_no_client_auth());
    }
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}
