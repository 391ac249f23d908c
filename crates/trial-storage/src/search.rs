//! The searches of operators, written once for both databases: as macros, because diesel's boxed queries know their
//! database by its type. Every search uses an index: newest first is the descending order of the ids, which begin with
//! the time of creation.

/// Applications, newest first, by a search among them or among all requests.
macro_rules! applications {
    ($database:ty, $search:expr) => {{
        use $crate::schema::applications::{company_key, email_key, id, phone, request_id, return_code, table};
        let search = $search;
        let newest = table.order(id.desc()).limit(search.limit.into());
        let mut query = newest.select($crate::views::ApplicationRow::as_select()).into_boxed::<$database>();
        query = match &search.by {
            Some(ApplicationQuery::Phone(asked)) => query.filter(phone.eq(asked.as_str())),
            Some(ApplicationQuery::RequestId(asked)) => query.filter(request_id.eq(asked.as_str())),
            Some(ApplicationQuery::Email(asked)) => query.filter(email_key.eq(asked.as_str())),
            Some(ApplicationQuery::Company(asked)) => query.filter(company_key.eq(asked.as_str())),
            None => query,
        };
        $crate::search::narrowed!(query, search, id, return_code)
    }};
}

/// Requests for a code, newest first. They have neither address nor company.
macro_rules! code_requests {
    ($database:ty, $search:expr) => {{
        use $crate::schema::code_requests::{id, phone, request_id, return_code, table};
        let search: &trial_core::timeline::RequestSearch = $search;
        let newest = table.order(id.desc()).limit(search.limit.into());
        let mut query = newest.select($crate::views::CodeRequestRow::as_select()).into_boxed::<$database>();
        query = match &search.by {
            Some(ApplicationQuery::Phone(asked)) => query.filter(phone.eq(asked.as_str())),
            Some(ApplicationQuery::RequestId(asked)) => query.filter(request_id.eq(asked.as_str())),
            Some(ApplicationQuery::Email(_) | ApplicationQuery::Company(_)) | None => query,
        };
        $crate::search::narrowed!(query, search, id, return_code)
    }};
}

/// Adds return code, time and the place of the page.
macro_rules! narrowed {
    ($query:ident, $search:ident, $id:ident, $return_code:ident) => {{
        if let Some(code) = $search.return_code {
            $query = $query.filter($return_code.eq(code.as_str()));
        }
        if let Some(since) = $search.since {
            $query = $query.filter($id.ge($crate::hours::first_id(since).to_vec()));
        }
        if let Some(until) = $search.until {
            $query = $query.filter($id.lt($crate::hours::first_id(until).to_vec()));
        }
        if let Some(before) = $search.before {
            $query = $query.filter($id.lt(before.as_bytes().to_vec()));
        }
        $query
    }};
}

/// Tenants, newest first. One is found by its applicant through its application, which stays when it is closed.
macro_rules! tenants {
    ($database:ty, $search:expr) => {{
        use $crate::schema::{applications, tenants};
        let search: &trial_core::tenants::TenantSearch = $search;
        let newest = tenants::table.order(tenants::id.desc()).limit(search.limit.into());
        let mut query = newest.select($crate::rows::TenantRow::as_select()).into_boxed::<$database>();
        if let Some(by) = &search.by {
            let accepted = applications::table
                .filter(applications::outcome.eq($crate::rows::ACCEPTED))
                .select(applications::tenant.assume_not_null())
                .into_boxed::<$database>();
            query = query.filter(tenants::id.eq_any(match by {
                ApplicationQuery::Phone(asked) => accepted.filter(applications::phone.eq(asked.as_str())),
                ApplicationQuery::RequestId(asked) => accepted.filter(applications::request_id.eq(asked.as_str())),
                ApplicationQuery::Email(asked) => accepted.filter(applications::email_key.eq(asked.as_str())),
                ApplicationQuery::Company(asked) => accepted.filter(applications::company_key.eq(asked.as_str())),
            }));
        }
        if let Some(status) = search.status {
            query = query.filter(tenants::status.eq(status.as_str()));
        }
        if search.asks_conversion {
            query = query.filter(tenants::conversion_asked_at.is_not_null());
        }
        if let Some(before) = search.before {
            query = query.filter(tenants::id.lt(before.as_bytes().to_vec()));
        }
        query
    }};
}

/// Access codes of one kind and state, in the order of the codes.
macro_rules! access_codes {
    ($database:ty, $page:expr) => {{
        use $crate::schema::access_codes::{code, kind, state, table};
        let page: &trial_core::access_codes::AccessCodePage = $page;
        let in_order = table.order(code).limit(page.limit.into()).select($crate::views::AccessCodeRow::as_select());
        let mut query = in_order
            .filter(kind.eq(page.kind.as_str()))
            .filter(state.eq(page.state.as_str()))
            .into_boxed::<$database>();
        if let Some(after) = &page.after {
            query = query.filter(code.gt(after.as_str()));
        }
        query
    }};
}

pub(crate) use {access_codes, applications, code_requests, narrowed, tenants};
