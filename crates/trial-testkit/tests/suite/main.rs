//! The test kit's own tests: the model is judged by the suite that it serves in.

mod fakes;
mod memory_ledger;
