//! Prints the timeline of an applicant.

use std::fmt;

use trial_engine::operations::requests::FoundRequests;
use trial_engine::operations::timeline::TimelineEvent;

use crate::output::{Printed, time};

impl fmt::Display for Printed<FoundRequests> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.timeline.is_empty() {
            return f.write_str("no requests");
        }
        self.0.timeline.iter().try_for_each(|event| write!(f, "{}", described(event)))
    }
}

fn described(event: &TimelineEvent) -> String {
    let TimelineEvent { at, phone, email, company_name, return_code, words, facts, .. } = event;
    let mut lines = vec![match phone {
        Some(phone) => format!("{}  {phone} {words}", time(*at)),
        None => format!("{}  {words}", time(*at)),
    }];
    let mut line = |name: &str, text: &str| lines.push(format!("  {name:<13}{text}"));
    if let Some(code) = return_code {
        line("answered", code);
    }
    if let (Some(email), Some(company)) = (email, company_name) {
        line("applicant", &format!("{email}, {company:?}"));
    }
    for fact in facts.iter().filter(|fact| !fact.is_empty()) {
        line("fact", fact.trim());
    }
    if let Some(what) = event.what_to_do {
        line("what to do", what);
    }
    if let Some(id) = &event.request_id {
        line("request id", id);
    }
    lines.push(String::new());
    lines.join("\n")
}
