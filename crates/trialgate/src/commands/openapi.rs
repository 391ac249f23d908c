use clap::{Args, ValueEnum};

use crate::output;

/// `trialgate openapi`
#[derive(Debug, Args)]
pub(crate) struct Openapi {
    /// Which interface
    #[arg(long, value_enum, default_value_t = Interface::Public)]
    interface: Interface,
}

/// An interface that is documented.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Interface {
    /// What a website calls
    Public,
    /// What operators call
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
