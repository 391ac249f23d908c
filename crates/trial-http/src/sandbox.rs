//! The sandbox's inbox: captured messages as JSON and as a page, and simulated faults.

use std::convert::Infallible;
use std::sync::Arc;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Serialize;
use trial_core::values::{Phone, PhonePolicy};
use trial_sandbox::{CapturedMessage, Channel, Faults, Filter, Inbox, InboxError};

use crate::body::Payload;
use crate::fields::Fields;
use crate::parameters::Query;
use crate::problem::{Kind, Problem};
use crate::site::State;

/// Most messages in one listing.
const MAX_LIMIT: usize = 1_000;
/// Messages on the page.
const PAGE_LENGTH: usize = 50;
/// Interval at which the page refreshes, in seconds.
const REFRESH_S: u32 = 5;

/// No script, nothing from elsewhere. Captured mails have inline styles.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

#[derive(Serialize)]
struct Listing {
    messages: Vec<CapturedMessage>,
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct Page {
    messages: Vec<CapturedMessage>,
    faults: Option<String>,
    to: String,
    refresh_s: Option<u32>,
}

/// `GET /sandbox/messages`.
pub(crate) async fn messages(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match list(&request, &state).await {
        Ok(messages) => HttpResponse::Ok().json(Listing { messages }),
        Err(problem) => problem.response(&request),
    }
}

/// `GET /sandbox`: the newest messages in the browser. It refreshes itself unless `?refresh=off`.
pub(crate) async fn page(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match render(&request, &state).await {
        Ok(html) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)))
            .body(html),
        Err(problem) => problem.response(&request),
    }
}

/// `GET /sandbox/faults`.
pub(crate) async fn faults(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match inbox(&state) {
        Ok(inbox) => HttpResponse::Ok().json(inbox.faults()),
        Err(problem) => problem.response(&request),
    }
}

/// `PUT /sandbox/faults`: simulated faults of gateway and mail server; an omitted one is `none`.
pub(crate) async fn set_faults(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    match put_faults(&request, payload, &state).await {
        Ok(faults) => HttpResponse::Ok().json(faults),
        Err(problem) => problem.response(&request),
    }
}

async fn put_faults(request: &HttpRequest, payload: Payload, state: &State) -> Result<Faults, Problem> {
    let inbox = inbox(state)?;
    let body = payload.json(request).await?;
    let faults = serde_json::from_slice(&body).map_err(|_| {
        Problem::malformed(
            "give {\"sms\": none, refuse, unreachable or unknown; \"mail\": none, transient or permanent}, as JSON strings",
        )
    })?;
    inbox.set_faults(faults);
    Ok(faults)
}

async fn list(request: &HttpRequest, state: &State) -> Result<Vec<CapturedMessage>, Problem> {
    let filter = parse_filter(request, &state.settings.phone)?;
    read(inbox(state)?, filter).await
}

async fn render(request: &HttpRequest, state: &State) -> Result<String, Problem> {
    let inbox = inbox(state)?;
    let asked = Fields::of_query(request);
    let to = asked.text("to");
    let filter = Filter {
        channel: None,
        to: (!to.is_empty()).then(|| recipient(&to, &state.settings.phone)),
        limit: Some(PAGE_LENGTH),
    };
    let faults = inbox.faults();
    let page = Page {
        messages: read(inbox, filter).await?,
        faults: (faults != Faults::default()).then(|| serde_json::to_string(&faults).unwrap_or_default()),
        to,
        refresh_s: (asked.text("refresh") != "off").then_some(REFRESH_S),
    };
    page.render().map_err(|error| {
        tracing::error!(%error, "the inbox page cannot be rendered");
        Problem::new(Kind::Unexpected)
    })
}

fn inbox(state: &State) -> Result<&Arc<Inbox>, Problem> {
    state.inbox.as_ref().ok_or_else(|| Problem::new(Kind::NotFound).detail("the sandbox is not enabled"))
}

/// Reads the file away from the worker, which serves other requests.
async fn read(inbox: &Arc<Inbox>, filter: Filter) -> Result<Vec<CapturedMessage>, Problem> {
    let inbox = Arc::clone(inbox);
    let read = web::block(move || inbox.list(&filter)).await;
    read.map_err(|error| error.to_string()).and_then(|listed| listed.map_err(|error| explain(&error))).map_err(
        |reason| {
            tracing::error!(reason, "the sandbox inbox cannot be read");
            Problem::new(Kind::Unexpected)
        },
    )
}

fn explain(error: &InboxError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn parse_filter(request: &HttpRequest, policy: &PhonePolicy) -> Result<Filter, Problem> {
    let mut query = Query::of(request);
    let channel = query.take("channel", |text| match text {
        "sms" => Ok(Channel::Sms),
        "mail" => Ok(Channel::Mail),
        _ => Err("must be sms or mail"),
    });
    let to = query.take("to", |text| Ok::<_, Infallible>(recipient(text, policy)));
    let limit = query.take("limit", |text| {
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| format!("must be from 1 to {MAX_LIMIT}"))
    });
    query.end()?;
    Ok(Filter { channel, to, limit })
}

/// A phone in any spelling in the form of messages; anything else unchanged.
fn recipient(to: &str, policy: &PhonePolicy) -> String {
    Phone::parse(to, policy).map_or_else(|_| to.to_owned(), |phone| phone.as_str().to_owned())
}
