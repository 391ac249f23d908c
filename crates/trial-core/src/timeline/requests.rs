//! Requests of both public interfaces, as operators search them.

use chrono::{DateTime, Utc};

use crate::applications::{ApplicationQuery, ApplicationView};
use crate::operators::{Filter, PersonalFilter};
use crate::return_codes::ReturnCode;
use crate::values::{AnyRequestId, named};
use crate::verification::CodeRequestView;

/// A public interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublicInterface {
    /// Requests for a verification code.
    SendCode,
    /// Applications for a trial.
    Apply,
}

named!(PublicInterface, "public interface", { SendCode => "generateverifycode", Apply => "applyTenant" });

/// A search among the requests of both interfaces, newest first. `None` is no restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSearch {
    /// Those of this interface.
    pub interface: Option<PublicInterface>,
    /// The criterion. A request for a code has neither address nor company.
    pub by: Option<ApplicationQuery>,
    /// Those with this return code.
    pub return_code: Option<ReturnCode>,
    /// Not before this, to the millisecond.
    pub since: Option<DateTime<Utc>>,
    /// Before this, to the millisecond.
    pub until: Option<DateTime<Utc>>,
    /// Only requests older than this one.
    pub before: Option<AnyRequestId>,
    /// The page size.
    pub limit: u32,
}

/// A request of either interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestView {
    /// A request for a code.
    Code(CodeRequestView),
    /// An application.
    Application(ApplicationView),
}

impl RequestSearch {
    /// Returns `true` if requests of this interface can match.
    pub fn includes(&self, interface: PublicInterface) -> bool {
        let is_by_application_alone =
            matches!(self.by, Some(ApplicationQuery::Email(_) | ApplicationQuery::Company(_)));
        self.interface.is_none_or(|only| only == interface)
            && !(interface == PublicInterface::SendCode && is_by_application_alone)
    }

    /// The newest of both kinds, as many as the page takes. Ids begin with the milliseconds of their creation.
    pub fn merge(
        &self,
        code_requests: impl IntoIterator<Item = CodeRequestView>,
        applications: impl IntoIterator<Item = ApplicationView>,
    ) -> Vec<RequestView> {
        let code_requests = code_requests.into_iter().map(RequestView::Code);
        let mut all: Vec<_> = code_requests.chain(applications.into_iter().map(RequestView::Application)).collect();
        all.sort_by_key(|request| std::cmp::Reverse(request.id()));
        all.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        all
    }
}

impl RequestView {
    /// Its id.
    pub fn id(&self) -> AnyRequestId {
        match self {
            Self::Code(view) => view.id.into(),
            Self::Application(view) => view.id.into(),
        }
    }
}

impl Filter for RequestSearch {
    fn personal(&self) -> Option<PersonalFilter> {
        self.by.personal()
    }
}
