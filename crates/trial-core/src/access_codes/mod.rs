//! Access codes: the pool, imports and files.

mod file;
mod import;
mod pool;
mod record;
mod view;

pub use file::{AccessCodeFile, AccessCodeFileError, FileHeader};
pub use import::{AccessCodeImport, ImportPlan, RefusedAccessCode, RepeatedAccessCode};
pub use pool::{FreedCode, PoolCommand, PoolOutcome, PoolOutlook, RestOver, USE_DAYS};
pub use record::{AccessCodeLease, AccessCodeMove, AccessCodeState, HeldCode};
pub use view::{AccessCodePage, AccessCodeStock, AccessCodeView};
