//! Tenants: records, commands, lifecycle and views.

mod command;
mod lifecycle;
mod record;
mod view;

pub use command::{MAX_EXTENSION, TenantAction, TenantChange, TenantCommand, TenantOutcome, TenantRefusal};
pub use lifecycle::{DueTenant, MIN_PASSWORD_LIFE_LEFT, NOTICE_KEEPS, NOTICE_WAITS, Notice};
pub use record::{SharedField, Tenant, TenantStatus};
pub use view::{TenantPage, TenantSearch, TenantView};
