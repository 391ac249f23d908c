//! The steps of a run, and the schedule of a seed.

use std::time::Duration;

use chrono::TimeDelta;
use trial_core::tenants::TenantAction;

use super::dice::Dice;
use super::server::LAG;
use crate::LedgerFault;

/// Instances over the one ledger.
pub(super) const INSTANCES: usize = 3;
const PHONES: u32 = 6;
/// Turns between two steps: mostly too few for a request to finish.
const TURNS: u32 = 24;
/// A clock error of more than a year.
pub(super) const LEAP: TimeDelta = TimeDelta::days(400);
/// The most turns that an ending instance still has.
const LONGEST_LIFE: u32 = 48;

/// A step, and the number of turns of every instance before the next one.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduled {
    /// The step.
    pub step: Step,
    /// Turns.
    pub turns: u32,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// An applicant asks for a code.
    Ask {
        /// The phone.
        phone: u32,
        /// The instance.
        on: usize,
    },
    /// An applicant applies.
    Apply {
        /// The phone.
        phone: u32,
        /// The company.
        company: u32,
        /// The mailbox.
        email: u32,
        /// The typed code.
        code: Typed,
        /// The instance.
        on: usize,
    },
    /// An earlier application is submitted again, unchanged.
    Again {
        /// The number of later applications.
        back: usize,
        /// The instance.
        on: usize,
    },
    /// Operators give a command about a tenant.
    Order {
        /// The number of later tenants.
        back: usize,
        /// The command.
        order: TenantAction,
        /// The instance.
        on: usize,
    },
    /// Access codes are imported, up to this number of each kind.
    Import {
        /// The number of each kind afterwards.
        pairs: u32,
    },
    /// Operators set the daily limit.
    Threshold {
        /// The new limit.
        threshold: u32,
    },
    /// Operators unlock a phone.
    Unlock {
        /// The phone.
        phone: u32,
    },
    /// Time passes.
    Pass {
        /// Seconds.
        seconds: u32,
    },
    /// The service is off for days, and starts again.
    Off {
        /// Days.
        days: u32,
    },
    /// The clock of an instance's machine goes wrong.
    Skew {
        /// The instance.
        on: usize,
        /// Seconds.
        seconds: i64,
    },
    /// The server's clock is set.
    Set {
        /// Seconds.
        seconds: i64,
    },
    /// The server's clock leaps more than a year ahead, or back from there.
    Leap,
    /// A stale replica takes the place of the server.
    FailOver {
        /// The number of last batches that it lacks.
        lost: usize,
    },
    /// The former server takes its place back.
    FailBack,
    /// Operators confirm the server, and the clock if it is right.
    Confirm,
    /// Nobody reads the log of an instance any more, or somebody does again.
    Log {
        /// The instance.
        on: usize,
        /// Nobody reads it.
        is_blocked: bool,
    },
    /// Storage fails at the next call of this kind.
    Storage {
        /// The instance.
        on: usize,
        /// The call.
        call: Call,
        /// The fault.
        fault: LedgerFault,
    },
    /// The gateway's reaction to the next message.
    Sms(Fate),
    /// The mail server's reaction to the next mail.
    Mail(Fate),
    /// The platform's reaction to the next event.
    Platform(Fate),
    /// An instance ends abruptly, at whatever awaits its tasks have reached.
    Crash {
        /// The instance.
        on: usize,
        /// The turns that it still has; at least one.
        turns: u32,
    },
    /// An ended instance starts again.
    Restart {
        /// The instance.
        on: usize,
    },
}

/// The code that an applicant types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// The code of the last message that arrived.
    Last,
    /// The code of the message before.
    Earlier,
    /// Something else.
    Wrong,
}

/// A kind of call to the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// A batch.
    Commit,
    /// A pre-screening.
    Screen,
    /// A claim of mails or events.
    Claim,
    /// A settlement of mails or events.
    Settle,
}

/// The reaction of an outside system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Refused for good.
    Refused,
    /// Refused for now.
    Throttled,
    /// Not reached.
    Unreached,
    /// Accepted, and the answer is lost.
    TakenUnsaid,
    /// Not accepted, and no answer comes at all.
    Silent,
    /// Accepted, and no answer comes at all.
    TakenSilent,
    /// Accepted, after this many seconds.
    Late(u32),
}

/// The steps of a seed.
pub(super) fn schedule(seed: u64, length: usize) -> Vec<Scheduled> {
    let dice = Dice::new(seed);
    let first = Scheduled { step: Step::Import { pairs: 3 + dice.below(8) }, turns: 1 };
    let others = (1..length).map(|_| Scheduled { step: step(&dice), turns: dice.below(TURNS) });
    std::iter::once(first).chain(others).collect()
}

/// The first steps of a crowd's schedule: the preparation.
pub(super) const PREPARED: usize = 2;
const CROWD: usize = 60;

/// The steps of a few applicants who ask at the same time.
pub(super) fn crowd(seed: u64) -> Vec<Scheduled> {
    let dice = Dice::new(seed);
    let prepared = [Step::Import { pairs: 1 + dice.below(3) }, Step::Threshold { threshold: 1 + dice.below(4) }];
    let prepared = prepared.map(|step| Scheduled { step, turns: 0 });
    let asking = (0..CROWD).map(|_| Scheduled { step: of_crowd(&dice), turns: dice.below(TURNS) });
    prepared.into_iter().chain(asking).collect()
}

fn of_crowd(dice: &Dice) -> Step {
    let (on, phone) = (dice.place(INSTANCES), dice.below(4));
    match dice.below(20) {
        0..5 => Step::Ask { phone, on },
        5..13 => apply(dice, phone, on),
        13..16 => Step::Again { back: dice.place(3), on },
        16 => Step::Storage { on, call: Call::Commit, fault: storage_fault(dice) },
        17 => Step::Crash { on, turns: dice.below(LONGEST_LIFE) },
        _ => Step::Restart { on },
    }
}

fn step(dice: &Dice) -> Step {
    let on = dice.place(INSTANCES);
    let phone = dice.below(PHONES);
    match dice.below(121) {
        0..20 => Step::Ask { phone, on },
        20..47 => apply(dice, phone, on),
        47..53 => Step::Again { back: dice.place(4), on },
        53..61 => Step::Order { back: dice.place(5), order: order(dice), on },
        61..63 => Step::Import { pairs: 4 + dice.below(20) },
        63..65 => Step::Threshold { threshold: dice.below(12) },
        65 => Step::Unlock { phone },
        66..76 => Step::Pass { seconds: pass(dice) },
        76..78 => Step::Skew { on, seconds: skew(dice) },
        78..83 => Step::Storage { on, call: call(dice), fault: storage_fault(dice) },
        83..85 => Step::Sms(fate(dice)),
        85..88 => Step::Mail(fate(dice)),
        88..90 => Step::Platform(fate(dice)),
        90..93 => Step::Crash { on, turns: dice.below(LONGEST_LIFE) },
        93 => Step::Leap,
        94..101 => Step::Restart { on },
        101 => Step::Off { days: 1 + dice.below(9) },
        102..104 => Step::Set { seconds: error(dice) },
        104..106 => Step::FailOver { lost: 1 + dice.place(LAG) },
        106 => Step::FailBack,
        107..109 => Step::Log { on, is_blocked: dice.below(3) > 0 },
        _ => Step::Confirm,
    }
}

/// Mostly with values of their own; now and then sharing a company or a mailbox with another.
fn apply(dice: &Dice, phone: u32, on: usize) -> Step {
    let other = |dice: &Dice| if dice.below(5) == 0 { dice.below(PHONES) } else { phone };
    let code = match dice.below(10) {
        0..7 => Typed::Last,
        7 => Typed::Earlier,
        _ => Typed::Wrong,
    };
    Step::Apply { phone, company: other(dice), email: other(dice), code, on }
}

fn order(dice: &Dice) -> TenantAction {
    match dice.below(9) {
        0 => TenantAction::Convert,
        1 => TenantAction::Extend(Duration::from_hours(24 * u64::from(1 + dice.below(9)))),
        2 => TenantAction::Suspend,
        3 => TenantAction::Resume,
        4 | 5 => TenantAction::Close,
        6 => TenantAction::Reopen,
        7 => TenantAction::LostPassword,
        _ => TenantAction::ResendMail,
    }
}

fn pass(dice: &Dice) -> u32 {
    match dice.below(20) {
        0..9 => 1 + dice.below(15),
        9..17 => 20 + dice.below(100),
        17..19 => 300 + dice.below(7_200),
        _ => 86_400 * (1 + dice.below(12)),
    }
}

/// Minutes or hours ahead, or minutes back.
fn error(dice: &Dice) -> i64 {
    match dice.below(5) {
        0 | 1 => dice.between(1, 3_600),
        2 => 3_600 * dice.between(1, 6),
        _ => dice.between(-3_600, -1),
    }
}

/// The error of a machine's clock: that of a server's, or of more than a year.
fn skew(dice: &Dice) -> i64 {
    if dice.below(4) == 0 { LEAP.num_seconds() } else { error(dice) }
}

fn call(dice: &Dice) -> Call {
    [Call::Commit, Call::Commit, Call::Commit, Call::Screen, Call::Claim, Call::Settle][dice.place(6)]
}

fn storage_fault(dice: &Dice) -> LedgerFault {
    const FAULTS: [LedgerFault; 5] = [
        LedgerFault::Unavailable,
        LedgerFault::Contended,
        LedgerFault::Corrupt,
        LedgerFault::LostBeforeCommit,
        LedgerFault::LostAfterCommit,
    ];
    FAULTS[dice.place(FAULTS.len())]
}

fn fate(dice: &Dice) -> Fate {
    match dice.below(7) {
        0 => Fate::Refused,
        1 => Fate::Throttled,
        2 => Fate::Unreached,
        3 => Fate::TakenUnsaid,
        4 => Fate::Silent,
        5 => Fate::TakenSilent,
        _ => Fate::Late(1 + dice.below(20)),
    }
}
