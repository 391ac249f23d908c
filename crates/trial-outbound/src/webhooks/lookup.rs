//! Resolving host names, with private addresses refused.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::is_public;

/// Resolves host names.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Its addresses, in the order to try.
    ///
    /// # Errors
    /// There are none, or the resolver fails.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The host has no permitted address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its addresses are private; `platform.webhook.allow_private_addresses` allows them")]
pub(crate) struct PrivateAddress;

/// Gives the client only permitted addresses. It connects to no other, so it does not matter if a name resolves
/// differently between check and connection.
pub(crate) struct Guard {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) allows_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, allows_private) = (Arc::clone(&self.lookup), self.allows_private);
        Box::pin(async move {
            let mut found = lookup.lookup(name.as_str()).await?;
            found.retain(|address| allows_private || is_public(*address));
            if found.is_empty() {
                return Err(PrivateAddress.into());
            }
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
