//! Group commit: requests queue while the previous batch commits, and are decided together.

pub(crate) mod batch_queue;
pub(crate) mod bisection;
pub(crate) mod decision_health;
pub(crate) mod group_committer;
pub(crate) mod prescreening;
pub(crate) mod request_queue;
