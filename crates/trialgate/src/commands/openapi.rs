//! `trialgate openapi`

use clap::{Args, ValueEnum};

use crate::output;

/// `trialgate openapi`
#[derive(Debug, Args)]
pub(crate) struct Openapi {
    /// Interface to describe
    #[arg(long, value_enum, default_value_t = Interface::Public)]
    interface: Interface,
}

/// A documented interface.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Interface {
    /// Public interface, for websites
    Public,
    /// Operations interface
    Ops,
}

impl Openapi {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        match self.interface {
            Interface::Public => output::say(&trial_http::openapi_json()),
            Interface::Ops => output::say(&trial_http::ops_openapi_json()),
        }
    }
}
