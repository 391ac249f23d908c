//! How browsers reach the service, which decides whether cookies are `Secure`.

/// How browsers reach the service by the configuration. Headers of a request are not used: a client can forge them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BrowserAccess {
    /// Over the TLS of this service.
    Tls,
    /// Over the TLS of a proxy: `http.public_url` begins with `https://`.
    TlsOfProxy,
    /// Without TLS: `http.public_url` begins with `http://`.
    Plain,
    /// The configuration does not say.
    Unknown {
        /// `true` for a sandbox, which browsers reach without TLS.
        is_sandbox: bool,
    },
}

impl BrowserAccess {
    /// Returns `true` if cookies are `Secure`. If it is unknown they are, except in a sandbox.
    pub(crate) const fn is_secure(self) -> bool {
        match self {
            Self::Tls | Self::TlsOfProxy => true,
            Self::Plain => false,
            Self::Unknown { is_sandbox } => !is_sandbox,
        }
    }

    /// Concern about the configuration, if any: the consequence, and what to set.
    pub(crate) const fn concern(self) -> Option<&'static str> {
        match self {
            Self::Tls | Self::TlsOfProxy => None,
            Self::Plain => Some(
                "`http.public_url` begins with http://: passwords and sessions cross the network unencrypted; put a TLS proxy in \
                 front, or set `http.tls`",
            ),
            Self::Unknown { is_sandbox: false } => Some(
                "neither `http.tls` nor `http.public_url` is set: cookies are `Secure`, and nobody can sign in over plain HTTP; set \
                 `http.public_url` to what browsers show, such as \"https://trial.example.com\"",
            ),
            Self::Unknown { is_sandbox: true } => Some(
                "neither `http.tls` nor `http.public_url` is set: cookies of this sandbox are not `Secure`; set `http.public_url` \
                 if browsers reach it through a TLS proxy",
            ),
        }
    }
}
