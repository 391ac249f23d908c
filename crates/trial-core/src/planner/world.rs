//! The state of planning: the facts, as changed by the requests decided so far, and the effects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::number_ranges::Prefixes;
use super::tenant::moves;
use crate::access_codes::AccessCodeLease;
use crate::applications::{AcceptedApplication, Application, ApplicationRecord};
use crate::planner::{Effects, Facts, PhoneFacts, PoolFacts, QuotaFacts, TenantCommandFacts};
use crate::platform::PlatformEvent;
use crate::policy::{QuotaPolicy, UniqueBy};
use crate::portal::{OwnPassword, PasswordChange, PortalSession};
use crate::quota::{QuotaUnit, QuotaUse};
use crate::tenants::{SharedField, Tenant};
use crate::values::{AccessCode, AccessCodeKind, ChallengeId, CodeRequestId, CompanyKey, EmailKey, Phone, TenantId};
use crate::verification::{Challenge, PastSend, PhoneRecord, SmsDay};

/// The facts as the requests decided so far have changed them, and the rows to store.
pub(super) struct World {
    phones: BTreeMap<Phone, PhoneFacts>,
    tenants: TenantIndex,
    voice: FreeCodes,
    multimedia: FreeCodes,
    quota: QuotaFacts,
    quota_policy: QuotaPolicy,
    owner_limit: u32,
    quota_changed: bool,
    sms_sent: BTreeMap<u16, u32>,
    sms_changed: BTreeSet<u16>,
    pub(super) prefixes: Prefixes,
    changed_phones: BTreeSet<Phone>,
    changed_challenges: BTreeMap<ChallengeId, (Challenge, Row)>,
    lives: BTreeMap<TenantId, Life>,
    effects: Effects,
}

/// A tenant that commands are about, before and after them.
struct Life {
    before: TenantCommandFacts,
    now: TenantCommandFacts,
    sign_in: SignIn,
}

/// The changes of the owner's password and sessions.
#[derive(Default)]
struct SignIn {
    /// `true` if all earlier sessions end.
    is_over: bool,
    /// The password that was set.
    own: Option<OwnPassword>,
    /// The session that came with it.
    session: Option<PortalSession>,
}

impl SignIn {
    fn end(&mut self) {
        self.is_over = true;
        self.session = None;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Row {
    New,
    Stored,
}

/// Tenants in use, by the fields that identify a customer; of several that share one, the first.
#[derive(Default)]
struct TenantIndex {
    phone: HashMap<Phone, BTreeSet<TenantId>>,
    email: HashMap<EmailKey, BTreeSet<TenantId>>,
    company: HashMap<CompanyKey, BTreeSet<TenantId>>,
}

/// Free access codes in the order of their use, and the number used.
struct FreeCodes {
    codes: Vec<AccessCode>,
    given: usize,
}

/// One free access code of each kind.
pub(super) struct AccessCodePair {
    voice: AccessCode,
    multimedia: AccessCode,
}

impl AccessCodePair {
    /// The codes by their kinds.
    pub(super) fn by_kind(&self) -> BTreeMap<AccessCodeKind, AccessCode> {
        BTreeMap::from([
            (AccessCodeKind::Voice, self.voice.clone()),
            (AccessCodeKind::Multimedia, self.multimedia.clone()),
        ])
    }
}

impl World {
    pub(super) fn new(facts: &Facts, quota: &QuotaPolicy) -> Self {
        let PoolFacts { voice, multimedia } = facts.pool.clone();
        let mut tenants = TenantIndex::default();
        for tenant in facts.tenants.iter().filter(|tenant| tenant.status.is_in_use()) {
            tenants.insert(tenant.id, &tenant.phone, &tenant.email, &tenant.company);
        }
        Self {
            phones: facts.phones.clone(),
            tenants,
            voice: FreeCodes { codes: voice, given: 0 },
            multimedia: FreeCodes { codes: multimedia, given: 0 },
            quota: facts.quota,
            quota_policy: quota.clone(),
            owner_limit: quota.owner_mails_by(quota.threshold),
            quota_changed: false,
            sms_sent: facts.sms_sent.clone(),
            sms_changed: BTreeSet::new(),
            prefixes: Prefixes::new(facts.prefixes.clone()),
            changed_phones: BTreeSet::new(),
            changed_challenges: BTreeMap::new(),
            lives: facts
                .lives
                .iter()
                .map(|(id, life)| (*id, Life { before: life.clone(), now: life.clone(), sign_in: SignIn::default() }))
                .collect(),
            effects: Effects::default(),
        }
    }

    /// The facts about a phone, if it was seen before.
    pub(super) fn phone(&self, phone: &Phone) -> PhoneView<'_> {
        PhoneView(self.phones.get(phone))
    }

    /// The phone's facts, to be changed and stored.
    pub(super) fn change_phone(&mut self, phone: &Phone) -> &mut PhoneFacts {
        self.changed_phones.insert(phone.clone());
        self.known_phone(phone)
    }

    fn known_phone(&mut self, phone: &Phone) -> &mut PhoneFacts {
        self.phones.entry(phone.clone()).or_default()
    }

    /// Makes a new code the phone's current one, before an earlier one that stays valid.
    pub(super) fn add_challenge(&mut self, challenge: Challenge, previous: Option<Challenge>) {
        let facts = self.change_phone(&challenge.phone);
        facts.challenge = Some(challenge.clone());
        facts.previous = previous;
        self.changed_challenges.insert(challenge.id, (challenge, Row::New));
    }

    /// Stores one of the phone's two codes as changed.
    pub(super) fn update_challenge(&mut self, challenge: Challenge) {
        let facts = self.known_phone(&challenge.phone);
        let is_previous = facts.previous.as_ref().is_some_and(|previous| previous.id == challenge.id);
        let code = if is_previous { &mut facts.previous } else { &mut facts.challenge };
        *code = Some(challenge.clone());
        let row = self.changed_challenges.get(&challenge.id).map_or(Row::Stored, |(_, row)| *row);
        self.changed_challenges.insert(challenge.id, (challenge, row));
    }

    /// Leaves the phone one of its two codes.
    pub(super) fn keep_only(&mut self, challenge: Challenge) {
        let phone = challenge.phone.clone();
        let facts = self.known_phone(&phone);
        let had_another = facts.previous.take().is_some();
        facts.challenge = Some(challenge);
        if had_another {
            self.changed_phones.insert(phone);
        }
    }

    /// The daily e-mail limit in force.
    pub(super) fn threshold(&self) -> u32 {
        self.quota_policy.threshold
    }

    /// One send of a phone, to change.
    pub(super) fn send(&mut self, phone: &Phone, id: CodeRequestId) -> Option<&mut PastSend> {
        self.phones.get_mut(phone)?.sends.iter_mut().find(|send| send.code_request == id)
    }

    pub(super) fn add_send(&mut self, phone: &Phone, send: PastSend) {
        self.known_phone(phone).sends.push(send);
    }

    pub(super) fn add_accepted(&mut self, phone: &Phone, accepted: AcceptedApplication) {
        self.known_phone(phone).accepted.push(accepted);
    }

    pub(super) fn quota(&self) -> QuotaFacts {
        self.quota
    }

    /// Returns `true` if no unit is left for applications.
    pub(super) fn quota_is_reached(&self) -> bool {
        self.quota_left() == 0
    }

    /// Units left for applications.
    pub(super) fn quota_left(&self) -> u32 {
        self.quota_policy.left(self.quota.reserved)
    }

    /// Returns `true` if no unit is left.
    pub(super) fn quota_is_spent(&self) -> bool {
        self.quota.reserved >= self.threshold()
    }

    pub(super) fn take_quota_unit(&mut self) -> QuotaUnit {
        self.quota_changed = true;
        let threshold = self.threshold();
        self.quota.take_unit(threshold)
    }

    /// Mails that owners may cause on the day.
    pub(super) fn owner_limit(&self) -> u32 {
        self.owner_limit
    }

    /// A unit of the day for a mail that an owner causes; `None` if none is left.
    pub(super) fn take_owner_unit(&mut self) -> Option<QuotaUnit> {
        let unit = self.quota.take_owner_unit(self.owner_limit);
        self.quota_changed |= unit.is_some();
        unit
    }

    pub(super) fn sms_sent_to(&self, country_code: u16) -> u32 {
        self.sms_sent.get(&country_code).copied().unwrap_or(0)
    }

    pub(super) fn sms_sent_in_all(&self) -> u32 {
        self.sms_sent.values().sum()
    }

    pub(super) fn count_sms(&mut self, country_code: u16, change: impl FnOnce(u32) -> u32) {
        let sent = self.sms_sent.entry(country_code).or_default();
        *sent = change(*sent);
        self.sms_changed.insert(country_code);
    }

    /// `true` for each of voice and multimedia of which a code is left. Codes beyond the batch's need are not loaded.
    pub(super) fn access_codes_left(&self) -> (bool, bool) {
        (self.voice.next().is_some(), self.multimedia.next().is_some())
    }

    /// The pair that the next tenant gets, if one of each kind is left.
    pub(super) fn next_access_codes(&self) -> Option<AccessCodePair> {
        Some(AccessCodePair { voice: self.voice.next()?.clone(), multimedia: self.multimedia.next()?.clone() })
    }

    /// Gives a tenant the next pair.
    pub(super) fn lease(&mut self, tenant: &Tenant, pair: AccessCodePair) {
        self.voice.given += 1;
        self.multimedia.given += 1;
        let lease = |code, kind| AccessCodeLease { code, kind, tenant: tenant.id, at: tenant.created_at };
        self.effects.leases.push(lease(pair.voice, AccessCodeKind::Voice));
        self.effects.leases.push(lease(pair.multimedia, AccessCodeKind::Multimedia));
    }

    /// The tenant in use that this application collides with, and the field they share.
    pub(super) fn tenant_of(&self, application: &Application, by: UniqueBy) -> Option<(TenantId, SharedField)> {
        let Application { phone, email, company, .. } = application;
        self.tenants.find(phone, email.key(), company.key(), by, None)
    }

    /// The tenant in use that collides with this one, and the field they share.
    pub(super) fn rival_of(&self, tenant: &Tenant, by: UniqueBy) -> Option<(TenantId, SharedField)> {
        let Tenant { phone, email, company, .. } = tenant;
        self.tenants.find(phone, email.key(), company.key(), by, Some(tenant.id))
    }

    /// A tenant that commands are about, with its access codes.
    pub(super) fn life(&self, tenant: TenantId) -> Option<&TenantCommandFacts> {
        self.lives.get(&tenant).map(|life| &life.now)
    }

    /// Stores such a tenant as changed.
    pub(super) fn change_life(&mut self, changed: TenantCommandFacts) {
        let tenant = &changed.tenant;
        let (phone, email, company) = (&tenant.phone, tenant.email.key(), tenant.company.key());
        if tenant.status.is_in_use() {
            self.tenants.insert(tenant.id, phone, email, company);
        } else {
            self.tenants.remove(tenant.id, phone, email, company);
        }
        if let Some(life) = self.lives.get_mut(&tenant.id) {
            if life.now.tenant.shuts_out(tenant) {
                life.sign_in.end();
            }
            life.now = changed;
        }
    }

    /// Ends every session of an owner.
    pub(super) fn end_sessions(&mut self, tenant: TenantId) {
        if let Some(life) = self.lives.get_mut(&tenant) {
            life.sign_in.end();
        }
    }

    /// Replaces the owner's password and sessions by these.
    pub(super) fn set_password(&mut self, change: &PasswordChange) {
        let PasswordChange { own, session, .. } = change;
        if let Some(life) = self.lives.get_mut(&own.tenant) {
            life.sign_in = SignIn { is_over: true, own: Some(own.clone()), session: Some(*session) };
        }
    }

    pub(super) fn add_tenant(&mut self, tenant: Tenant) {
        self.tenants.insert(tenant.id, &tenant.phone, tenant.email.key(), tenant.company.key());
        self.effects.tenants.push(tenant);
    }

    /// Publishes an event about a tenant as it is now.
    pub(super) fn tell(&mut self, event: PlatformEvent) {
        self.effects.events.push(event);
    }

    pub(super) fn add_application(&mut self, record: ApplicationRecord) {
        self.effects.applications.push(record);
    }

    /// Rows that no later request looks at.
    pub(super) fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }

    pub(super) fn into_effects(mut self) -> Effects {
        for (challenge, row) in self.changed_challenges.into_values() {
            match row {
                Row::New => self.effects.new_challenges.push(challenge),
                Row::Stored => self.effects.challenges.push(challenge),
            }
        }
        for phone in self.changed_phones {
            let facts = &self.phones[&phone];
            let id = |code: &Option<Challenge>| code.as_ref().map(|challenge| challenge.id);
            let (challenge, previous) = (id(&facts.challenge), id(&facts.previous));
            self.effects.phones.push(PhoneRecord { phone, failures: facts.failures, challenge, previous });
        }
        for Life { before, now, sign_in } in self.lives.into_values() {
            self.effects.moves.extend(moves(&now.tenant, &before.access_codes, &now.access_codes));
            if sign_in.is_over {
                self.effects.ended_sessions.push(now.tenant.id);
            }
            self.effects.own_passwords.extend(sign_in.own);
            self.effects.new_sessions.extend(sign_in.session);
            if now.acts != before.acts {
                self.effects.owner_acts.push((now.tenant.id, now.acts));
            }
            if now.tenant != before.tenant {
                self.effects.changed_tenants.push(now.tenant);
            }
        }
        let day = self.quota.day;
        for country_code in self.sms_changed {
            self.effects.sms_days.push(SmsDay { day, country_code, sent: self.sms_sent[&country_code] });
        }
        self.prefixes.store(&mut self.effects);
        let QuotaFacts { reserved, owner_mails, .. } = self.quota;
        self.effects.quota_use = self.quota_changed.then_some(QuotaUse { day, reserved, owner_mails });
        self.effects
    }
}

/// The facts about a phone, with the defaults of one that was never seen.
#[derive(Clone, Copy)]
pub(super) struct PhoneView<'a>(Option<&'a PhoneFacts>);

impl<'a> PhoneView<'a> {
    pub(super) fn failures(self) -> u32 {
        self.0.map_or(0, |facts| facts.failures)
    }

    pub(super) fn challenge(self) -> Option<&'a Challenge> {
        self.0.and_then(|facts| facts.challenge.as_ref())
    }

    /// The code before the current one, as long as the gateway has not accepted that.
    pub(super) fn previous(self) -> Option<&'a Challenge> {
        self.0.and_then(|facts| facts.previous.as_ref())
    }

    /// Both codes, the current one first.
    pub(super) fn codes(self) -> impl Iterator<Item = &'a Challenge> {
        self.challenge().into_iter().chain(self.previous())
    }

    pub(super) fn sends(self) -> &'a [PastSend] {
        self.0.map_or(&[], |facts| &facts.sends)
    }

    pub(super) fn accepted(self) -> &'a [AcceptedApplication] {
        self.0.map_or(&[], |facts| &facts.accepted)
    }
}

impl TenantIndex {
    fn insert(&mut self, id: TenantId, phone: &Phone, email: &EmailKey, company: &CompanyKey) {
        self.phone.entry(phone.clone()).or_default().insert(id);
        self.email.entry(email.clone()).or_default().insert(id);
        self.company.entry(company.clone()).or_default().insert(id);
    }

    fn remove(&mut self, id: TenantId, phone: &Phone, email: &EmailKey, company: &CompanyKey) {
        let of_phone = self.phone.get_mut(phone);
        let sets = [of_phone, self.email.get_mut(email), self.company.get_mut(company)];
        for set in sets.into_iter().flatten() {
            set.remove(&id);
        }
    }

    fn find(
        &self,
        phone: &Phone,
        email: &EmailKey,
        company: &CompanyKey,
        by: UniqueBy,
        besides: Option<TenantId>,
    ) -> Option<(TenantId, SharedField)> {
        let first = |set: Option<&BTreeSet<TenantId>>, shared| {
            set?.iter().find(|id| Some(**id) != besides).map(|id| (*id, shared))
        };
        let phone = || first(self.phone.get(phone), SharedField::Phone);
        let email = || first(self.email.get(email), SharedField::Email);
        let company = || first(self.company.get(company), SharedField::Company);
        (by.phone.then(phone).flatten())
            .or_else(|| by.email.then(email).flatten())
            .or_else(|| by.company.then(company).flatten())
    }
}

impl FreeCodes {
    fn next(&self) -> Option<&AccessCode> {
        self.codes.get(self.given)
    }
}
