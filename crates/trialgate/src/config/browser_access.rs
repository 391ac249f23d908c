//! By what browsers reach the service: decides whether cookies are `Secure`.

/// By what browsers reach the service, as far as the configuration says. No request is asked: its headers are a client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BrowserAccess {
    /// By the TLS of this service.
    Tls,
    /// By that of a proxy: `http.public_url` begins with `https://`.
    TlsOfProxy,
    /// By none: `http.public_url` begins with `http://`.
    Plain,
    /// The configuration does not say.
    Unknown {
        /// Whether it is a sandbox, which browsers reach without TLS.
        is_sandbox: bool,
    },
}

impl BrowserAccess {
    /// Whether cookies are `Secure`. Where it is not known, they are, but in a sandbox.
    pub(crate) const fn is_secure(self) -> bool {
        match self {
            Self::Tls | Self::TlsOfProxy => true,
            Self::Plain => false,
            Self::Unknown { is_sandbox } => !is_sandbox,
        }
    }

    /// The concern about what is configured, if there is one: what follows from it, and what to set.
    pub(crate) const fn concern(self) -> Option<&'static str> {
        match self {
            Self::Tls | Self::TlsOfProxy => None,
            Self::Plain => Some(
                "`http.public_url` begins with http://: passwords and sessions go over the network in clear; put a TLS proxy in \
                 front, or set `http.tls`",
            ),
            Self::Unknown { is_sandbox: false } => Some(
                "neither `http.tls` nor `http.public_url` is set: cookies are `Secure`, and nobody can sign in over plain HTTP; set \
                 `http.public_url` to what browsers show, such as \"https://trial.example.com\"",
            ),
            Self::Unknown { is_sandbox: true } => Some(
                "neither `http.tls` nor `http.public_url` is set: cookies of this sandbox are not `Secure`; set `http.public_url` \
                 if browsers reach it by the TLS of a proxy",
            ),
        }
    }
}
