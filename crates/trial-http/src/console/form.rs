//! What a form of ours sends.

use actix_web::HttpRequest;
use actix_web::web::{Payload, Query};

use super::Refused;
use crate::body::{self, Media};
use crate::site::State;

/// The largest form, in bytes: an import of access codes.
const MAX_FORM: usize = 8 * 1024 * 1024;

/// Fields of a form, or parameters of a page.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) async fn read(request: &HttpRequest, payload: Payload, state: &State) -> Result<Self, Refused> {
        let wait = state.settings.body_timeout;
        let (_, body) = body::read_one_of(&[Media::Form], MAX_FORM, request, payload, wait)
            .await
            .map_err(|_| Refused::Wrong("The form cannot be read.".to_owned()))?;
        let text = std::str::from_utf8(&body).map_err(|_| Refused::Wrong("The form cannot be read.".to_owned()))?;
        Ok(Self::parse(text))
    }

    pub(super) fn of_query(request: &HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    fn parse(text: &str) -> Self {
        Self(Query::from_query(text).map(Query::into_inner).unwrap_or_default())
    }

    /// A field without the space around it; empty if it is not given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// A field that is filled in.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A field by the parser of its value; nothing, if it is not given or makes no sense.
    pub(super) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.given(name)?.parse().ok()
    }
}
