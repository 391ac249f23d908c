//! Form fields and query parameters of pages. They are decoded on access; no list of them is kept.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;

use crate::body::{Body, Media, Payload};
use crate::problem::{Kind, Problem};

/// Most fields of a form and parameters of a query; ours have fewer than 20.
pub(crate) const MAX_FIELDS: usize = trial_signing::MAX_PAIRS;

/// Fields of a form, or parameters of a page. The first of a name counts; repeated ones are ignored.
pub(crate) struct Fields(Text);

enum Text {
    Form(Body),
    Query(Bytes),
}

impl Fields {
    /// Reads a form.
    pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, Problem> {
        Self::of(payload.read(Media::Form, request).await?)
    }

    /// Parses the form in a body.
    ///
    /// # Errors
    /// The form has too many fields.
    pub(crate) fn of(form: Body) -> Result<Self, Problem> {
        let mut fields = form.split(|byte| *byte == b'&').filter(|field| !field.is_empty());
        if fields.nth(MAX_FIELDS).is_some() {
            return Err(Problem::malformed(format!("a form may have at most {MAX_FIELDS} fields")));
        }
        Ok(Self(Text::Form(form)))
    }

    /// Parses the parameters of a page; those beyond the bound are ignored.
    pub(crate) fn of_query(request: &HttpRequest) -> Self {
        Self(Text::Query(Bytes::copy_from_slice(request.query_string().as_bytes())))
    }

    /// A trimmed field; empty if missing.
    pub(crate) fn text(&self, name: &str) -> String {
        self.untrimmed(name).trim().to_owned()
    }

    /// A field as sent, with surrounding space, which may be part of a password.
    pub(crate) fn untrimmed(&self, name: &str) -> Cow<'_, str> {
        let bytes: &[u8] = match &self.0 {
            Text::Form(body) => body,
            Text::Query(query) => query,
        };
        first(bytes, name)
    }

    /// A field that is not empty.
    pub(crate) fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A parsed field; `None` if missing or invalid.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.given(name)?.parse().ok()
    }
}

/// A form that could not be read, as pages report it.
pub(crate) struct UnreadForm {
    pub(crate) status: StatusCode,
    pub(crate) english: &'static str,
    pub(crate) chinese: &'static str,
    /// Seconds until it may be sent again.
    pub(crate) wait: Option<u64>,
}

impl From<Problem> for UnreadForm {
    fn from(problem: Problem) -> Self {
        let (english, chinese) = match problem.kind() {
            Kind::BodyTooLarge => ("The form is too large. Send less at once.", "表单内容过大，请减少内容后重新提交。"),
            Kind::RequestTimeout => ("The form did not arrive in time. Send it again.", "表单提交超时，请重新提交。"),
            Kind::RateLimited => (
                "Too much is being sent from your network. Try again in a moment.",
                "来自您网络的请求过多，请稍后再试。",
            ),
            Kind::Unavailable => ("The service is busy. Try again in a moment.", "服务繁忙，请稍后再试。"),
            _ => ("The form cannot be read. Reload the page and try again.", "无法读取表单，请刷新页面后重试。"),
        };
        Self { status: problem.kind().status(), english, chinese, wait: problem.wait() }
    }
}

/// The first field of this name in a form or its beginning; empty if missing.
pub(crate) fn first<'a>(form: &'a [u8], name: &str) -> Cow<'a, str> {
    let mut fields = form_urlencoded::parse(form).take(MAX_FIELDS);
    fields.find(|(given, _)| given == name).map(|(_, value)| value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts() {
        assert_eq!(first(b"&&a=1&b=%20x+&a=2", "a"), "1");
        assert_eq!(first(b"a=1&b=%20x+&a=2", "b"), " x ");
        assert_eq!(first(b"a&=1", "a"), "");
        assert_eq!(first(b"", "a"), "");
    }

    #[test]
    fn fields_beyond_the_bound_are_not_read() {
        let before = "x=&".repeat(MAX_FIELDS - 1);
        assert_eq!(first(format!("{before}a=1").as_bytes(), "a"), "1");
        assert_eq!(first(format!("{before}x=&a=1").as_bytes(), "a"), "");
    }
}
