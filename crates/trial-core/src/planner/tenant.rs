//! Commands about tenants: their effects on the tenant, its access codes, mails and events.

use super::world::World;
use super::{Moment, Planner};
use crate::access_codes::{AccessCodeMove, AccessCodeState, HeldCode};
use crate::audit::AuditRecord;
use crate::mails::{MailKind, MailRecord};
use crate::planner::TenantCommandFacts;
use crate::platform::{PlatformEvent, PlatformEventKind};
use crate::portal::OwnerAct;
use crate::quota::MailBudget;
use crate::tenants::{
    NOTICE_KEEPS, Tenant, TenantAction, TenantChange, TenantCommand, TenantOutcome, TenantRefusal, TenantStatus,
};

/// Reminders and notices wait when less than this fraction (1/10) of the daily e-mail limit is left.
const KEPT_FOR_ACCOUNTS: u32 = 10;

impl Planner {
    pub(super) fn order(&self, world: &mut World, moment: Moment, order: &TenantCommand) -> TenantOutcome {
        self.carry_out(world, moment, order).map_or_else(TenantOutcome::Refused, TenantOutcome::Done)
    }

    fn carry_out(
        &self,
        world: &mut World,
        moment: Moment,
        order: &TenantCommand,
    ) -> Result<TenantChange, TenantRefusal> {
        let trial = &self.policy.trial;
        let TenantCommandFacts { tenant: before, access_codes, mut acts } =
            world.life(order.tenant).cloned().ok_or(TenantRefusal::Unknown)?;
        let mut after = before.ordered(&order.order, trial, moment.now)?;
        if let Some(act) = owner_act(&order.order, &before, &after) {
            acts.count(act, moment.now)?;
        }
        let moved = if after.status == TenantStatus::Closed && before.status != TenantStatus::Closed {
            released(&after, access_codes, moment)
        } else if before.status == TenantStatus::Closed && after.status != TenantStatus::Closed {
            self.no_rival_exists(world, &after)?;
            taken_back(&before, access_codes, moment, self)?
        } else {
            access_codes
        };
        let owed = after.owed_notice(trial, moment.now);
        let mut digest = None;
        let mail = match (&order.order, owed) {
            (TenantAction::ResendMail, _) => {
                quota_is_left(world)?;
                Some(MailKind::Account)
            }
            (TenantAction::LostPassword, _) => {
                acts.count_link(&self.policy.quota, moment.now)?;
                owner_mails_are_left(world)?;
                Some(MailKind::Password)
            }
            (TenantAction::SetPassword(_), _) => {
                acts.count_change(&self.policy.quota, moment.now).then_some(MailKind::PasswordChanged)
            }
            (TenantAction::SignOutEverywhere, _) => None,
            (_, Some(notice)) if has_room_for_notices(world) => {
                after.told_until = notice.since;
                Some(notice.kind)
            }
            (_, Some(notice)) if moment.now > notice.since + NOTICE_KEEPS => {
                after.told_until = notice.since;
                None
            }
            (TenantAction::Advance, _) => {
                digest = acts.take_digest(moment.now);
                digest.map(|_| MailKind::PasswordChanged)
            }
            _ => None,
        };
        let mail_waits = after.owed_notice(trial, moment.now).is_some();
        let digest_due = acts.digest.map(|digest| digest.due_at);
        // A notice that waits is due again after its time, which marks that the platform was notified.
        let (look, step) = if mail_waits {
            (Some(after.next_look(moment.now)), after.next_step_after(trial, moment.now))
        } else {
            (None, after.next_step(trial))
        };
        after.next_step_at = [look, step, digest_due].into_iter().flatten().min();
        // The platform is notified in time, even if no mail of the day is left for the owner.
        let ends_soon = owed.is_some_and(|notice| {
            notice.kind == MailKind::Reminder && before.next_step_at.is_some_and(|step| step <= notice.since)
        });
        if let Some(kind) = mail {
            let quota = match kind.budget() {
                MailBudget::Threshold => Some(world.take_quota_unit()),
                MailBudget::Owners => world.take_owner_unit(),
            };
            let mut record = MailRecord::for_owner(&after, kind, moment.ids.mail, moment.now, quota);
            record.detail = digest.map(|digest| digest.to_string()).or(record.detail);
            world.effects().mails.push(record);
        }
        if is_taken_down(&order.order, &before, &after) {
            world.effects().audit.push(entry(order, &before, &after, moment));
        }
        if self.policy.platform_listens
            && let Some(kind) = event_kind(&order.order, &before, &after, ends_soon)
        {
            let held = moved.iter().filter(|code| code.state == AccessCodeState::Leased);
            let held = held.map(|code| (code.kind, code.code.clone())).collect();
            world.tell(PlatformEvent::of(kind, moment.ids.event, moment.now, &after, &held));
        }
        let change = TenantChange {
            before: before.status,
            after: after.status,
            mail,
            mail_waits,
            trial_ends_at: after.trial_ends_at,
        };
        world.change_life(TenantCommandFacts { tenant: after, access_codes: moved, acts });
        match &order.order {
            TenantAction::SetPassword(change) => world.set_password(change),
            TenantAction::SignOutEverywhere => world.end_sessions(order.tenant),
            _ => {}
        }
        Ok(change)
    }

    /// Refuses if the customer got another tenant while this one was closed.
    fn no_rival_exists(&self, world: &World, tenant: &Tenant) -> Result<(), TenantRefusal> {
        match world.rival_of(tenant, self.policy.trial.unique_by) {
            Some((tenant, shared)) => Err(TenantRefusal::TenantExists { tenant, shared }),
            None => Ok(()),
        }
    }
}

fn has_room_for_notices(world: &World) -> bool {
    let left = world.quota_left();
    left > 0 && u64::from(left) * u64::from(KEPT_FOR_ACCOUNTS) >= u64::from(world.threshold())
}

/// The codes of a trial go into quarantine; those of a commercial tenant left the pool for good.
fn released(tenant: &Tenant, held: Vec<HeldCode>, moment: Moment) -> Vec<HeldCode> {
    let state = if tenant.converted_at.is_some() { AccessCodeState::Retired } else { AccessCodeState::Quarantined };
    held.into_iter()
        .map(|code| match code.state {
            AccessCodeState::Leased => HeldCode { state, since: moment.now, ..code },
            _ => code,
        })
        .collect()
}

/// Both codes, unless one is free again, leased to another tenant, or past its quarantine.
fn taken_back(
    tenant: &Tenant,
    held: Vec<HeldCode>,
    moment: Moment,
    planner: &Planner,
) -> Result<Vec<HeldCode>, TenantRefusal> {
    let rests_until = tenant.closed_at.map(|closed| closed + planner.policy.trial.quarantine);
    let rest = |code: &HeldCode| matches!(code.state, AccessCodeState::Quarantined | AccessCodeState::Retired);
    let kinds: Vec<_> = held.iter().filter(|code| rest(code)).map(|code| code.kind).collect();
    let are_both_there = crate::values::AccessCodeKind::ALL.iter().all(|kind| kinds.contains(kind));
    if !are_both_there || rests_until.is_none_or(|until| moment.now >= until) {
        return Err(TenantRefusal::AccessCodesGone);
    }
    let back = |code: HeldCode| HeldCode { state: AccessCodeState::Leased, since: moment.now, ..code };
    Ok(held.into_iter().filter(rest).map(back).collect())
}

fn quota_is_left(world: &World) -> Result<(), TenantRefusal> {
    if world.quota_is_spent() {
        return Err(TenantRefusal::QuotaReached { threshold: world.threshold() });
    }
    Ok(())
}

/// A link needs a unit; a notice of a changed password goes out without one, since the change cannot be refused.
fn owner_mails_are_left(world: &World) -> Result<(), TenantRefusal> {
    let limit = world.owner_limit();
    if world.quota().owner_mails >= limit {
        return Err(TenantRefusal::OwnerMailsSpent { limit });
    }
    Ok(())
}

/// The act that a command counts against the owner's hourly limits. A mailed link has a daily limit instead.
fn owner_act(order: &TenantAction, before: &Tenant, after: &Tenant) -> Option<OwnerAct> {
    match order {
        TenantAction::AskConversion | TenantAction::WithdrawConversion => {
            (before.conversion_asked_at != after.conversion_asked_at).then_some(OwnerAct::Wish)
        }
        TenantAction::SetPassword(change) => (!change.by_link).then_some(OwnerAct::Password),
        TenantAction::SignOutEverywhere => Some(OwnerAct::SignOut),
        _ => None,
    }
}

/// The event that a command publishes to the platform.
fn event_kind(order: &TenantAction, before: &Tenant, after: &Tenant, ends_soon: bool) -> Option<PlatformEventKind> {
    let is_moved = before.trial_ends_at != after.trial_ends_at;
    match order {
        TenantAction::Resume => Some(PlatformEventKind::Resumed),
        TenantAction::Extend(_) if before.status == after.status => is_moved.then_some(PlatformEventKind::Extended),
        _ if before.status == after.status => ends_soon.then_some(PlatformEventKind::TrialEnding),
        _ => PlatformEventKind::of_change(before.status, after.status),
    }
}

/// Returns `true` if the audit trail records the command: not a scheduled step that is not due, nor a repeated wish.
fn is_taken_down(order: &TenantAction, before: &Tenant, after: &Tenant) -> bool {
    match order {
        TenantAction::Advance => before.status != after.status,
        TenantAction::AskConversion | TenantAction::WithdrawConversion => {
            before.conversion_asked_at != after.conversion_asked_at
        }
        _ => true,
    }
}

/// The audit entry of a command; a scheduled step is recorded by its effect.
fn entry(order: &TenantCommand, before: &Tenant, after: &Tenant, moment: Moment) -> AuditRecord {
    let action = match (&order.order, after.status) {
        (TenantAction::Advance, TenantStatus::Suspended) => TenantAction::Suspend.action(),
        (TenantAction::Advance, TenantStatus::Closed) => TenantAction::Close.action(),
        (order, _) => order.action(),
    };
    let state =
        |tenant: &Tenant| format!("{}, trial to {}", tenant.status, tenant.trial_ends_at.format("%Y-%m-%dT%H:%M:%SZ"));
    let detail = match &order.order {
        TenantAction::ResendMail => format!("password issue {}", after.password_issue),
        TenantAction::LostPassword => format!("a link was mailed; password issue {}", after.password_issue),
        TenantAction::AskConversion => "the owner requested conversion".to_owned(),
        TenantAction::WithdrawConversion => "the owner withdrew the request for conversion".to_owned(),
        TenantAction::SetPassword(change) if change.by_link => "chose a password by a mailed link".to_owned(),
        TenantAction::SetPassword(_) => "chose a password; other sessions are ended".to_owned(),
        TenantAction::SignOutEverywhere => "signed out everywhere".to_owned(),
        _ => format!("before {}; after {}", state(before), state(after)),
    };
    AuditRecord {
        id: moment.ids.audit,
        at: moment.now,
        actor: order.actor.clone(),
        action,
        subject: after.id.to_string(),
        detail,
    }
}

/// The changes of state of a tenant's codes.
pub(super) fn moves(tenant: &Tenant, before: &[HeldCode], after: &[HeldCode]) -> Vec<AccessCodeMove> {
    let moved = after.iter().filter_map(|now| {
        let was = before.iter().find(|was| was.code == now.code)?;
        (was != now).then(|| AccessCodeMove {
            code: now.code.clone(),
            kind: now.kind,
            from: was.state,
            to: now.state,
            tenant: tenant.id,
            since: now.since,
        })
    });
    moved.collect()
}
