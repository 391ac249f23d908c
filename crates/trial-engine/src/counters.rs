//! Counters for alerts. They start at 0: a counter that its first event creates shows no increase.

use trial_core::policy::BreakerMode;
use trial_core::return_codes::{ApplyCode, SendCode};

/// The return code of a fault of the program, which is none of the published ones.
pub(crate) const FAULT: &str = "500";
/// The results of mails and events that operators watch.
const RESULTS: [&str; 3] = ["sent", "retry", "failed"];
const LEDGER_ERRORS: [&str; 4] = ["unavailable", "contended", "commit_unknown", "corrupt"];

/// Creates every counter at 0.
pub(crate) fn begin() {
    for code in SendCode::ALL.map(SendCode::as_str).into_iter().chain([FAULT]) {
        metrics::counter!("trialgate_code_requests_total", "code" => code).increment(0);
    }
    for code in ApplyCode::ALL.map(ApplyCode::as_str).into_iter().chain([FAULT]) {
        metrics::counter!("trialgate_applications_total", "code" => code).increment(0);
    }
    for result in RESULTS {
        metrics::counter!("trialgate_mails_total", "result" => result).increment(0);
    }
    for mode in [BreakerMode::Shadow, BreakerMode::On] {
        metrics::counter!("trialgate_number_range_blocked_requests_total", "mode" => mode.as_str()).increment(0);
    }
    for kind in LEDGER_ERRORS {
        metrics::counter!("trialgate_ledger_errors_total", "kind" => kind).increment(0);
    }
    metrics::counter!("trialgate_poisonous_requests_total").increment(0);
    metrics::counter!("trialgate_overload_total").increment(0);
}
