//! `generateverifycode`: the rules in order, up to the decision to send. The gateway's report comes later.

use chrono::{DateTime, Utc};

use super::world::{PhoneView, World};
use super::{Moment, Planner};
use crate::planner::Outcome;
use crate::policy::MIN_LIFE_LEFT;
use crate::values::VerificationCode;
use crate::verification::{
    BudgetScope, Challenge, ChallengeState, CodeOutcome, CodeRefusal, CodeRequest, CodeRequestRecord, CodeToSend,
    PastSend, SendState,
};

impl Planner {
    pub(super) fn send_code(&self, world: &mut World, moment: Moment, asked: &CodeRequest) -> Outcome {
        let may_send = self.may_send(world, moment, asked);
        let may_send = may_send.and_then(|()| self.prefix_is_not_blocked(world, moment, &asked.phone));
        let decided = may_send.map(|would_block| CodeToSend { would_block, ..self.code_to_send(world, moment, asked) });
        let outcome = match &decided {
            Ok(send) => CodeOutcome::Send { challenge: send.challenge, state: SendState::Sending },
            Err(refusal) => CodeOutcome::Refused(*refusal),
        };
        world.effects().code_requests.push(CodeRequestRecord {
            id: moment.ids.code_request,
            request_id: asked.request_id.clone(),
            at: moment.now,
            phone: asked.phone.clone(),
            outcome: outcome.clone(),
        });
        Outcome::SendCode(outcome, decided.ok())
    }

    fn may_send(&self, world: &World, moment: Moment, asked: &CodeRequest) -> Result<(), CodeRefusal> {
        let phone = world.phone(&asked.phone);
        quota_is_left(world)?;
        self.phone_may_ask(phone)?;
        self.sends_are_left(phone, moment.now)?;
        self.budget_is_left(world, asked.phone.country_code())?;
        self.prefix_budget_is_left(world, asked.phone.prefix())
    }

    /// 202: the phone is locked.
    fn phone_may_ask(&self, phone: PhoneView<'_>) -> Result<(), CodeRefusal> {
        let failures = phone.failures();
        if self.is_locked(failures) { Err(CodeRefusal::PhoneLocked { failures }) } else { Ok(()) }
    }

    /// 204: the day's SMS budget, in all and for the country.
    fn budget_is_left(&self, world: &World, country_code: u16) -> Result<(), CodeRefusal> {
        let limits = &self.policy.limits;
        let sent = world.sms_sent_in_all();
        if sent >= limits.sms_per_day {
            return Err(CodeRefusal::BudgetSpent { scope: BudgetScope::All, sent });
        }
        let sent = world.sms_sent_to(country_code);
        if country_code != self.policy.phone.default_country_code() && sent >= limits.sms_per_country_day {
            return Err(CodeRefusal::BudgetSpent { scope: BudgetScope::Country(country_code), sent });
        }
        Ok(())
    }

    /// 200, if the gateway accepts: the code that is still valid, with a new lifetime, or a new one.
    fn code_to_send(&self, world: &mut World, moment: Moment, asked: &CodeRequest) -> CodeToSend {
        let Moment { now, ids } = moment;
        let repeated = world.phone(&asked.phone).challenge().and_then(|challenge| self.prolonged(challenge, now));
        self.count_message(world, now, &asked.phone, repeated.is_none());
        let (challenge, code) = if let Some((challenge, code)) = repeated {
            world.update_challenge(challenge.clone());
            (challenge, code)
        } else {
            let challenge = Challenge {
                id: ids.challenge,
                phone: asked.phone.clone(),
                key_id: self.keyring.current_id().to_owned(),
                made_at: now,
                expires_at: now + self.policy.verification.code_ttl.min(self.policy.verification.code_cap),
                tries: 0,
                state: ChallengeState::Open,
                proven_at: None,
            };
            let code = self.keyring.current_code(challenge.id, &asked.phone);
            // Nobody has the new code yet: one that has arrived stays valid until the gateway has accepted the other.
            let lives = |code: &&Challenge| self.why_dead(code, now).is_none();
            let previous = world.phone(&asked.phone).codes().find(lives).cloned();
            world.add_challenge(challenge.clone(), previous);
            (challenge, code)
        };
        world.add_send(
            &asked.phone,
            PastSend { code_request: ids.code_request, challenge: challenge.id, at: now, state: SendState::Sending },
        );
        world.count_sms(asked.phone.country_code(), |sent| sent + 1);
        let next_send_in = self.next_send_in(world.phone(&asked.phone), now);
        let fixed = self.policy.test_code(&asked.phone, now).cloned();
        CodeToSend {
            is_test: fixed.is_some(),
            code_request: ids.code_request,
            challenge: challenge.id,
            phone: asked.phone.clone(),
            code: fixed.unwrap_or(code),
            expires_at: challenge.expires_at,
            locale: asked.locale,
            next_send_in,
            would_block: None,
        }
    }

    /// The valid code with a new lifetime, up to its cap; `None` if too little would be left.
    fn prolonged(&self, challenge: &Challenge, now: DateTime<Utc>) -> Option<(Challenge, VerificationCode)> {
        if self.why_dead(challenge, now).is_some() {
            return None;
        }
        let rules = &self.policy.verification;
        let expires_at = (now + rules.code_ttl).min(challenge.made_at + rules.code_cap);
        if expires_at < now + MIN_LIFE_LEFT.min(rules.code_ttl) {
            return None;
        }
        let code = self.keyring.code(&challenge.key_id, challenge.id, &challenge.phone).ok()?;
        Some((Challenge { expires_at, ..challenge.clone() }, code))
    }
}

/// 205: the daily e-mail limit, before an SMS is paid for.
fn quota_is_left(world: &World) -> Result<(), CodeRefusal> {
    if world.quota_is_reached() {
        return Err(CodeRefusal::QuotaReached { threshold: world.threshold() });
    }
    Ok(())
}
