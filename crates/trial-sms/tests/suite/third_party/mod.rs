//! The gateways against independent programs. `tests/run` installs them.

mod kannel;
mod program;
mod signing;
mod smpp;
