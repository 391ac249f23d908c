//! TLS by ring: for outgoing connections over HTTP and SMPP, trusting the machine's authorities; and for incoming ones,
//! by a certificate that is renewed during service.

mod identity;
mod renewal;

use std::sync::Arc;

use rustls::{ClientConfig, Error, RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use rustls_platform_verifier::{BuilderVerifierExt, Verifier};

pub use identity::{Identity, IdentityError, IdentityFiles, Part};
pub use renewal::{Presented, Renewal, Renewed};

/// HTTP/2 first: a client with both gets it.
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];

/// The name of HTTP/2 in the negotiation of protocols.
pub const HTTP_2: &[u8] = b"h2";

/// TLS 1.2 and 1.3 with certificates that the machine trusts. Its authorities are read only if TLS is used: there may
/// be none.
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

/// TLS 1.2 and 1.3 with certificates that the machine trusts, or that one of these authorities issued.
///
/// # Errors
/// The machine's authorities cannot be read.
pub fn client_config_with(authorities: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier = Arc::new(Verifier::new_with_extra_roots(authorities, provider)?);
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// TLS 1.2 and 1.3 for a server of HTTP/2 and HTTP/1.1 with the current identity at the time of the connection.
///
/// # Errors
/// The library's own defaults contradict each other.
pub fn server_config(presented: Arc<Presented>) -> Result<ServerConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(presented);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(config)
}
