//! `applyTenant`: the rules in the order of the published table.

use super::world::{AccessCodePair, World};
use super::{Moment, Planner};
use crate::applications::{
    AcceptedApplication, Application, ApplicationRecord, ApplyOutcome, ApplyRefusal, NoCodeReason,
};
use crate::audit::AuditRecord;
use crate::mails::{MailKind, MailRecord};
use crate::platform::{PlatformEvent, PlatformEventKind};
use crate::policy::REPLAY_WINDOW;
use crate::tenants::{Tenant, TenantStatus};
use crate::values::TenantId;
use crate::verification::{Challenge, ChallengeState};

/// The resources of an application that every rule accepts.
struct Granted {
    challenge: Challenge,
    access_codes: AccessCodePair,
}

impl Planner {
    pub(super) fn apply(&self, world: &mut World, moment: Moment, application: &Application) -> ApplyOutcome {
        let challenge = self.submitted_code(world, moment, application).map(|challenge| challenge.id);
        let outcome = match self.replayed(world, moment, application) {
            Some(tenant) => ApplyOutcome::Replayed { tenant },
            None => self
                .judge(world, moment, application)
                .map_or_else(ApplyOutcome::Refused, |granted| self.accept(world, moment, application, granted)),
        };
        world.add_application(ApplicationRecord {
            id: moment.ids.application,
            at: moment.now,
            application: application.clone(),
            challenge,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Rules 1 to 3 alone: the record of an application that they refuse in any case and that changes no count.
    pub(super) fn beyond_help(
        &self,
        world: &World,
        moment: Moment,
        application: &Application,
    ) -> Option<ApplicationRecord> {
        if self.replayed(world, moment, application).is_some() {
            return None;
        }
        let refusal = self
            .phone_is_not_locked(world, application)
            .and_then(|()| self.living_codes(world, moment, application).map(drop))
            .err()?;
        if matches!(refusal, ApplyRefusal::NoCode { .. }) && self.misses_used_codes(world, moment, application) {
            return None;
        }
        Some(ApplicationRecord {
            id: moment.ids.application,
            at: moment.now,
            application: application.clone(),
            challenge: world.phone(&application.phone).challenge().map(|challenge| challenge.id),
            outcome: ApplyOutcome::Refused(refusal),
        })
    }

    /// Rules 2 to 7, each in its place; rule 8 is the rest. Changes only the count of wrong attempts, and what a right
    /// code proves: that it arrived, and that its owner agreed to the terms.
    fn judge(&self, world: &mut World, moment: Moment, application: &Application) -> Result<Granted, ApplyRefusal> {
        self.phone_is_not_locked(world, application)?;
        let codes = match self.living_codes(world, moment, application) {
            Ok(codes) => codes,
            Err(refusal) => {
                if self.misses_used_codes(world, moment, application) {
                    world.change_phone(&application.phone).failures += 1;
                }
                return Err(refusal);
            }
        };
        let challenge = self.right_code(world, moment, application, codes)?;
        let challenge = self.proven(world, moment.now, challenge);
        if let Some(agreed) = &application.agreed {
            world.effects().audit.push(agreed.record(moment.ids.agreement, moment.now, application));
        }
        self.no_tenant_exists(world, application)?;
        let access_codes = access_codes_are_left(world)?;
        quota_is_left(world)?;
        Ok(Granted { challenge, access_codes })
    }

    /// 000 again: the very same application was accepted within the last 24 hours.
    fn replayed(&self, world: &World, moment: Moment, application: &Application) -> Option<TenantId> {
        let is_same = |accepted: &&AcceptedApplication| {
            accepted.email == *application.email.key()
                && accepted.company == *application.company.key()
                && self.derives(moment, &accepted.challenge, application).unwrap_or(false)
        };
        Self::compared(world, moment, application).find(is_same).map(|accepted| accepted.tenant)
    }

    /// The accepted applications whose codes this one is compared with: the phone's, of the last 24 hours.
    fn compared<'w>(
        world: &'w World,
        moment: Moment,
        application: &Application,
    ) -> impl Iterator<Item = &'w AcceptedApplication> {
        let since = moment.now - REPLAY_WINDOW;
        world.phone(&application.phone).accepted().iter().filter(move |accepted| accepted.at > since)
    }

    /// 003: the phone is locked.
    fn phone_is_not_locked(&self, world: &World, application: &Application) -> Result<(), ApplyRefusal> {
        let failures = world.phone(&application.phone).failures();
        if self.is_locked(failures) { Err(ApplyRefusal::PhoneLocked { failures }) } else { Ok(()) }
    }

    /// 001 unless a code is valid; the current one first. An earlier one stays valid until the gateway has accepted the
    /// current one.
    fn living_codes(
        &self,
        world: &World,
        moment: Moment,
        application: &Application,
    ) -> Result<Vec<Challenge>, ApplyRefusal> {
        let phone = world.phone(&application.phone);
        let current = phone.challenge().ok_or(ApplyRefusal::NoCode { reason: NoCodeReason::NeverSent })?;
        let lives = |code: &&Challenge| self.why_dead(code, moment.now).is_none();
        let living: Vec<Challenge> = phone.codes().filter(lives).cloned().collect();
        match self.why_dead(current, moment.now).filter(|_| living.is_empty()) {
            Some(reason) => Err(ApplyRefusal::NoCode { reason }),
            None => Ok(living),
        }
    }

    /// The code that an application is compared with: the submitted one if it is valid, else the current one.
    fn submitted_code<'a>(&self, world: &'a World, moment: Moment, application: &Application) -> Option<&'a Challenge> {
        let phone = world.phone(&application.phone);
        let is_submitted = |code: &&Challenge| {
            self.why_dead(code, moment.now).is_none() && self.derives(moment, code, application) == Ok(true)
        };
        phone.previous().and_then(|_| phone.codes().find(is_submitted)).or(phone.challenge())
    }

    /// Returns `true` if rule 1 compares with used codes of the phone and this is none of them: a guess. A used code
    /// submitted once more is no guess, nor is one that cannot be compared.
    fn misses_used_codes(&self, world: &World, moment: Moment, application: &Application) -> bool {
        let mut used = Self::compared(world, moment, application).peekable();
        used.peek().is_some()
            && used.all(|accepted| self.derives(moment, &accepted.challenge, application) == Ok(false))
    }

    /// 002: a wrong code, counted once against each code that it could have been, and against the phone. 003 if it is
    /// none of those that can be derived, and one cannot be.
    fn right_code(
        &self,
        world: &mut World,
        moment: Moment,
        application: &Application,
        codes: Vec<Challenge>,
    ) -> Result<Challenge, ApplyRefusal> {
        let mut underivable = None;
        for code in &codes {
            match self.derives(moment, code, application) {
                Ok(true) => return Ok(code.clone()),
                Ok(false) => {}
                Err(refusal) => underivable = Some(refusal),
            }
        }
        if let Some(refusal) = underivable {
            return Err(refusal);
        }
        let mut tries_left = 0;
        for code in codes {
            let tried = Challenge { tries: code.tries + 1, ..code };
            tries_left = tries_left.max(self.policy.verification.max_tries - tried.tries);
            world.update_challenge(tried);
        }
        world.change_phone(&application.phone).failures += 1;
        Err(ApplyRefusal::WrongCode { tries_left })
    }

    /// 004: a tenant of the same customer is in use.
    fn no_tenant_exists(&self, world: &World, application: &Application) -> Result<(), ApplyRefusal> {
        match world.tenant_of(application, self.policy.trial.unique_by) {
            Some((tenant, shared)) => Err(ApplyRefusal::TenantExists { tenant, shared }),
            None => Ok(()),
        }
    }

    /// 000: consumes the code and creates everything that the account needs.
    fn accept(&self, world: &mut World, moment: Moment, application: &Application, granted: Granted) -> ApplyOutcome {
        let Moment { now, ids } = moment;
        let mut tenant = Tenant {
            id: ids.tenant,
            status: TenantStatus::Trial,
            phone: application.phone.clone(),
            email: application.email.clone(),
            company: application.company.clone(),
            created_at: now,
            trial_ends_at: now + self.policy.trial.duration,
            key_id: self.keyring.current_id().to_owned(),
            password_issue: 1,
            password_issued_at: now,
            locale: application.locale,
            converted_at: None,
            suspended_at: None,
            closes_at: None,
            closed_at: None,
            conversion_asked_at: None,
            told_until: now,
            next_step_at: None,
        };
        tenant.next_step_at = tenant.next_step(&self.policy.trial);
        if self.policy.platform_listens {
            let held = granted.access_codes.by_kind();
            world.tell(PlatformEvent::of(PlatformEventKind::TrialStarted, ids.event, now, &tenant, &held));
        }
        world.lease(&tenant, granted.access_codes);
        let quota = world.take_quota_unit();
        let consumed = Challenge { state: ChallengeState::Consumed, ..granted.challenge };
        world.update_challenge(consumed.clone());
        world.keep_only(consumed.clone());
        if world.phone(&application.phone).failures() > 0 {
            world.change_phone(&application.phone).failures = 0;
        }
        world.add_accepted(
            &application.phone,
            AcceptedApplication {
                id: ids.application,
                at: now,
                challenge: consumed,
                email: application.email.key().clone(),
                company: application.company.key().clone(),
                tenant: tenant.id,
            },
        );
        let record = MailRecord::for_owner(&tenant, MailKind::Account, ids.mail, now, Some(quota));
        world.effects().mails.push(record);
        world.effects().audit.push(AuditRecord {
            id: ids.audit,
            at: now,
            actor: crate::audit::APPLICANT.to_owned(),
            action: "tenant.create",
            subject: tenant.id.to_string(),
            detail: format!("application {}", ids.application),
        });
        world.add_tenant(tenant);
        ApplyOutcome::Accepted { tenant: ids.tenant }
    }

    /// Returns `true` if the submitted code is the challenge's, or the test number's.
    fn derives(&self, moment: Moment, challenge: &Challenge, application: &Application) -> Result<bool, ApplyRefusal> {
        if let Some(code) = self.policy.test_code(&challenge.phone, moment.now) {
            return Ok(code.matches(&application.code));
        }
        self.keyring
            .code(&challenge.key_id, challenge.id, &challenge.phone)
            .map(|code| code.matches(&application.code))
            .map_err(|_| ApplyRefusal::KeyMissing { key_id: challenge.key_id.clone() })
    }
}

/// 006: a trial needs an access code of each kind.
fn access_codes_are_left(world: &World) -> Result<AccessCodePair, ApplyRefusal> {
    world.next_access_codes().ok_or_else(|| {
        let (voice, multimedia) = world.access_codes_left();
        ApplyRefusal::PoolEmpty { voice, multimedia }
    })
}

/// 205: the daily e-mail limit.
fn quota_is_left(world: &World) -> Result<(), ApplyRefusal> {
    if world.quota_is_reached() {
        return Err(ApplyRefusal::QuotaReached { threshold: world.threshold() });
    }
    Ok(())
}
