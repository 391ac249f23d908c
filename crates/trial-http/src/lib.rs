//! The public interface and that of operations, over HTTP: reads requests, calls the ports of `trial-core`, writes answers. No rule is decided here.
//!
//! Where to find what: `public` has the two published interfaces, `query_tenant` what a website asks of a trial, `callbacks` what providers of short messages tell, `ops` what operators ask, `apply` the page
//! to apply on, `console` that of operations, `portal` that of tenants' owners; `body` reads and `form` parses bodies, `unauthenticated` reads those of unknown senders, `body_ledger` bounds the memory that they hold, `imports` parses large ones, `fields` forms of pages, `problem` writes every answer that is not a return code, `telemetry` wraps every
//! exchange (request id, headers, log, metrics), `unread` hangs up on bodies without an end, `reply_body` hands large replies out in slices.

mod apply;
mod body;
mod body_ledger;
mod callbacks;
mod client_address;
mod console;
mod cookies;
mod cross_site;
mod docs;
mod fields;
mod form;
mod health;
mod imports;
mod messages;
mod openapi;
mod ops;
mod parameters;
mod portal;
mod problem;
mod public;
mod query_tenant;
mod rate_limit;
mod reply_body;
mod request_id;
mod routes;
mod sandbox;
mod server;
mod settings;
mod signed;
mod site;
mod telemetry;
mod traces;
mod unauthenticated;
mod unread;

pub use apply::{BrandColour, BrandError, EmbedOrigin, Logo, SiteLink, SiteSettings};
pub use client_address::ClientAddressHeader;
pub use openapi::openapi_json;
pub use ops::{OpsParts, ops_openapi_json};
pub use portal::PortalParts;
pub use routes::{APPLY_PATH, QUERY_TENANT_PATH, SEND_CODE_PATH};
pub use server::HttpServer;
pub use settings::{
    CaptchaWidget, ConnectionLimits, Envelope, HttpParts, HttpSettings, PageGuard, ReceiptReader, SmsCallback,
};
pub use signed::CallerParts;
pub use site::Site;
pub use telemetry::{Metrics, install_metrics};
