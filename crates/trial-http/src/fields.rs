//! What a form in a page of ours sends.

use actix_web::HttpRequest;
use actix_web::web::{Payload, Query};

use crate::body::{self, Media};
use crate::problem::Problem;
use crate::site::State;

/// Fields of a form, or parameters of a page.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form of at most so many bytes.
    pub(crate) async fn read(
        request: &HttpRequest,
        payload: Payload,
        state: &State,
        max: usize,
    ) -> Result<Self, Problem> {
        let wait = state.settings.body_timeout;
        let (_, body) = body::read_one_of(&[Media::Form], max, request, payload, wait).await?;
        let text = std::str::from_utf8(&body).map_err(|_| Problem::malformed("the form is not UTF-8"))?;
        Ok(Self::parse(text))
    }

    pub(crate) fn of_query(request: &HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    fn parse(text: &str) -> Self {
        Self(Query::from_query(text).map(Query::into_inner).unwrap_or_default())
    }

    /// A field without the space around it; empty if it is not given.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// A field as it was given, with the space around it: what is a part of a password.
    pub(crate) fn untrimmed(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// A field that is filled in.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A field by the parser of its value; nothing, if it is not given or makes no sense.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.given(name)?.parse().ok()
    }
}
