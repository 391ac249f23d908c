//! The public and the operations interface over HTTP: reads requests, calls the ports of `trial-core`, writes replies.
//! No rule is decided here.
//!
//! Modules: `public` has the two published interfaces, `query_tenant` the status of a trial for websites, `callbacks`
//! delivery receipts, `ops` the operations interface, `apply` the application page, `console` the operators' pages,
//! `portal` the owners' pages; `body` reads and `form` parses bodies, `unauthenticated` reads those of unknown senders,
//! `body_ledger` bounds their memory, `imports` parses large ones, `fields` parses forms of pages, `problem` writes
//! every reply that is not a return code, `telemetry` wraps every exchange (request id, headers, log, metrics),
//! `unread` closes connections with endless bodies, `reply_body` sends large replies in slices.

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
mod unparsed;
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
