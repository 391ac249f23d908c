//! Records a gateway's report about a message.

use chrono::{DateTime, Utc};

use super::world::World;
use super::{Moment, Planner};
use crate::planner::Outcome;
use crate::verification::{Challenge, ChallengeState, PastSend, SendReport, SendState, SendUpdate};

impl Planner {
    /// Records the first report about a message; a later one changes nothing.
    pub(super) fn record_report(&self, world: &mut World, moment: Moment, report: &SendReport) -> Outcome {
        let state = report.reply.state();
        let waits = |send: &&mut PastSend| send.state == SendState::Sending;
        let Some(send) = world.send(&report.phone, report.code_request).filter(waits) else {
            return Outcome::SendReport;
        };
        send.state = state;
        let sent_at = send.at;
        world.effects().sends.push(SendUpdate {
            code_request: report.code_request,
            challenge: report.challenge,
            gateway: report.gateway.clone(),
            reply: report.reply.clone(),
        });
        if state == SendState::Accepted {
            replace_previous_code(world, report);
        }
        if !state.may_arrive() {
            self.give_back_budget(world, moment, report, sent_at);
            self.forget_unsent_code(world, report);
        }
        Outcome::SendReport
    }

    /// Reverts the budget of a message that was not sent. One of an earlier day stays counted.
    fn give_back_budget(&self, world: &mut World, moment: Moment, report: &SendReport, sent_at: DateTime<Utc>) {
        if self.policy.quota.day_of(sent_at) == self.policy.quota.day_of(moment.now) {
            world.count_sms(report.phone.country_code(), |sent| sent.saturating_sub(1));
        }
        self.give_back_message(world, sent_at, &report.phone);
    }

    /// Removes a code that was never sent, so that no applicant is told "wrong code" about it. The code that it was to
    /// replace is the phone's code again.
    fn forget_unsent_code(&self, world: &mut World, report: &SendReport) {
        let phone = world.phone(&report.phone);
        let on_its_way = phone.sends().iter().any(|send| send.challenge == report.challenge && send.state.may_arrive());
        let unsent = phone.codes().find(|code| code.id == report.challenge && code.state == ChallengeState::Open);
        let Some(unsent) = unsent.filter(|_| !on_its_way).cloned() else { return };
        let other = phone.codes().find(|code| code.id != unsent.id).cloned();
        self.give_back_code(world, &unsent);
        world.update_challenge(Challenge { state: ChallengeState::Unsent, ..unsent });
        if let Some(other) = other {
            world.keep_only(other);
        }
    }
}

/// Ends the previous code once the gateway has accepted the message with the current one.
fn replace_previous_code(world: &mut World, report: &SendReport) {
    let current = world.phone(&report.phone).challenge().cloned();
    if let Some(current) = current.filter(|current| current.id == report.challenge) {
        world.keep_only(current);
    }
}
