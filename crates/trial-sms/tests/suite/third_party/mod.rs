//! The gateways against programs that nobody here wrote. `tests/run` installs them.

mod kannel;
mod program;
mod signing;
mod smpp;
