//! The public interface over HTTP: every return code, every problem, every odd input.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apply;
mod bodies;
mod callbacks;
mod console;
mod exchange;
mod fuzz;
mod limits;
mod ops;
mod portal;
mod properties;
mod replies;
mod sandbox;
mod secure;
mod signed;
mod socket;
mod support;
mod surroundings;
mod trust;
mod uploads;
