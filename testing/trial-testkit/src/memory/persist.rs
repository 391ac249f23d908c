//! Storing the effects of a batch in memory.

use std::collections::BTreeMap;
use std::fmt::Debug;

use trial_core::access_codes::{AccessCodeLease, AccessCodeMove, AccessCodeState};
use trial_core::fraud_guard::RangeCount;
use trial_core::mails::{MailRecord, MailState};
use trial_core::planner::Effects;
use trial_core::quota::{QuotaUnit, QuotaUse};
use trial_core::verification::{Challenge, CodeOutcome, CodeRequestRecord, SendUpdate};

use super::{KeptCodeRequest, KeptMail, MemoryState};

impl MemoryState {
    /// Stores the effects. Panics where a database would refuse them by a constraint.
    pub fn persist(&mut self, effects: Effects) {
        for challenge in effects.new_challenges {
            insert(&mut self.challenges, challenge.id, challenge);
        }
        effects.challenges.into_iter().for_each(|challenge| self.update_challenge(challenge));
        for record in effects.phones {
            let mut codes = record.challenge.iter().chain(&record.previous);
            assert!(codes.all(|id| self.challenges[id].phone == record.phone), "codes of its own");
            self.phones.insert(record.phone.clone(), record);
        }
        effects.code_requests.into_iter().for_each(|record| self.insert_code_request(record));
        effects.sends.into_iter().for_each(|update| self.update_send(update));
        for count in effects.sms_days {
            self.sms_days.insert((count.day, count.country_code), count.sent);
        }
        for RangeCount { prefix, span, more } in effects.prefix_counts {
            let kept = self.prefix_spans.entry((prefix, span)).or_default();
            kept.messages += more.messages;
            kept.sent += more.sent;
            kept.used += more.used;
        }
        self.prefix_blocks.extend(effects.prefix_blocks.iter().map(|record| (record.prefix, record.block)));
        for tenant in effects.tenants {
            insert(&mut self.tenants, tenant.id, tenant);
        }
        for tenant in effects.changed_tenants {
            let kept = self.tenants.get_mut(&tenant.id).expect("the tenant exists");
            *kept = tenant;
        }
        self.portal_sessions.retain(|_, session| !effects.ended_sessions.contains(&session.tenant));
        effects.moves.into_iter().for_each(|moved| self.move_code(&moved));
        effects.leases.into_iter().for_each(|lease| self.lease(&lease));
        effects.mails.into_iter().for_each(|record| self.insert_mail(record));
        for record in effects.applications {
            assert!(record.challenge.is_none_or(|id| self.challenges.contains_key(&id)), "the code exists");
            insert(&mut self.applications, record.id, record);
        }
        self.audit.extend(effects.audit);
        effects.events.into_iter().for_each(|event| self.insert_event(event));
        for session in effects.new_sessions {
            assert!(self.portal_sessions.insert(session.secret, session).is_none(), "a secret is used twice");
        }
        self.own_passwords.extend(effects.own_passwords.into_iter().map(|own| (own.tenant, own)));
        self.owner_acts.extend(effects.owner_acts);
        if let Some(QuotaUse { day, reserved, owner_mails }) = effects.quota_use {
            self.reserved.insert(day, reserved);
            self.owner_mails.insert(day, owner_mails);
        }
    }

    fn update_challenge(&mut self, challenge: Challenge) {
        let kept = self.challenges.get_mut(&challenge.id).expect("the code exists");
        assert_eq!((&kept.phone, &kept.key_id, kept.made_at), (&challenge.phone, &challenge.key_id, challenge.made_at));
        *kept = challenge;
    }

    fn insert_code_request(&mut self, record: CodeRequestRecord) {
        if let CodeOutcome::Send { challenge, .. } = record.outcome {
            assert_eq!(self.challenges[&challenge].phone, record.phone, "a code of this phone");
        }
        insert(
            &mut self.code_requests,
            record.id,
            KeptCodeRequest { record, gateway: None, reply: None, delivery: None },
        );
    }

    fn update_send(&mut self, update: SendUpdate) {
        let kept = self.code_requests.get_mut(&update.code_request).expect("the request exists");
        let CodeOutcome::Send { state, .. } = &mut kept.record.outcome else { panic!("a message was to be sent") };
        *state = update.reply.state();
        kept.gateway = Some(update.gateway);
        kept.reply = update.reply.detail().map(str::to_owned);
    }

    fn lease(&mut self, lease: &AccessCodeLease) {
        assert!(self.tenants.contains_key(&lease.tenant), "the tenant exists");
        let kept = self.access_codes.get_mut(&lease.code).expect("the access code exists");
        assert_eq!((kept.kind, kept.state, kept.holder), (lease.kind, AccessCodeState::Free, None));
        kept.state = AccessCodeState::Leased;
        kept.holder = Some(lease.tenant);
        kept.since = lease.at;
    }

    fn move_code(&mut self, moved: &AccessCodeMove) {
        let kept = self.access_codes.get_mut(&moved.code).expect("the access code exists");
        assert_eq!((kept.kind, kept.state), (moved.kind, moved.from));
        let is_held = moved.to == AccessCodeState::Leased;
        kept.state = moved.to;
        kept.since = moved.since;
        kept.holder = is_held.then_some(moved.tenant);
        kept.last_holder = (!is_held).then_some(moved.tenant);
    }

    pub(super) fn insert_mail(&mut self, record: MailRecord) {
        let place = |unit: QuotaUnit| (unit.day, unit.budget, unit.unit);
        let mut taken = self.mails.values().filter_map(|kept| kept.record.quota.map(place));
        assert!(record.quota.is_none_or(|unit| taken.all(|other| other != place(unit))), "a unit");
        let kept = KeptMail {
            state: MailState::Due,
            attempts: 0,
            next_attempt_at: record.created_at,
            lease: None,
            last_reply: None,
            log: Vec::new(),
            record,
        };
        insert(&mut self.mails, kept.record.id, kept);
    }
}

fn insert<K: Ord + Copy + Debug, V: Debug>(map: &mut BTreeMap<K, V>, key: K, value: V) {
    let earlier = map.insert(key, value);
    assert!(earlier.is_none(), "{key:?} is used twice");
}
