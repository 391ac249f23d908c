//! Histories written as text, so that an engine can write them and a reader can read them.
//!
//! First the pool, the e-mail limit and the fraud guard, a digit each: voice, multimedia, limit, mode. Then the events,
//! a letter with a digit for each argument: `a` a phone requests a code; `s` an application: phone, company, address,
//! code;
//! `r` the gateway reports on a message: how far back, which result; `w` time passes. Any byte is read as a digit, and an
//! unknown letter is left out.

use trial_core::policy::BreakerMode;
use trial_core::sms::GatewayReply;
use trial_testkit::scenario::{PHONES, Round, Scenario, Step, Typed};

/// Seconds; below 0, the clock is set back.
const PAUSES: [i64; 16] = [0, 1, 30, 59, 60, 119, 121, 180, 300, 600, 961, 3_600, 7_200, 43_200, 86_400, -3_600];
const OTHERS: u32 = 4;

/// The scenario in a text; a missing digit means the first of its kind.
pub(crate) fn read(text: &[u8]) -> Scenario {
    let mut digits = Digits(text.iter());
    let (voice, multimedia, threshold) = (digits.below(8), digits.below(8), digits.below(8));
    let breaker = digits.one_of(BreakerMode::ALL);
    let mut rounds = vec![Round { pause: 0, steps: Vec::new() }];
    while let Some(letter) = digits.0.next() {
        let step = match letter {
            b'a' => Step::Ask { phone: digits.below(PHONES) },
            b's' => Step::Apply {
                phone: digits.below(PHONES),
                company: digits.below(OTHERS),
                email: digits.below(OTHERS),
                code: digits.one_of(&[Typed::Sent(0), Typed::Wrong, Typed::New, Typed::Sent(1)]),
            },
            b'r' => Step::Report { back: digits.one_of(&[0, 1, 2, 3]), reply: digits.one_of(&replies()) },
            b'w' => {
                rounds.push(Round { pause: digits.one_of(&PAUSES), steps: Vec::new() });
                continue;
            }
            _ => continue,
        };
        rounds.last_mut().expect("there is a first").steps.push(step);
    }
    Scenario { voice, multimedia, threshold, breaker, rounds }
}

fn replies() -> [GatewayReply; 5] {
    let reason = || "as the history says".to_owned();
    [
        GatewayReply::Accepted { provider_id: None },
        GatewayReply::Refused { reason: reason() },
        GatewayReply::Throttled { reason: reason() },
        GatewayReply::Unreached { reason: reason() },
        GatewayReply::Unknown { reason: reason() },
    ]
}

struct Digits<'a>(std::slice::Iter<'a, u8>);

impl Digits<'_> {
    /// A number below this one.
    fn below(&mut self, bound: u32) -> u32 {
        let digit = self.0.next().copied().unwrap_or(b'0');
        u32::from(digit.wrapping_sub(b'0')) % bound
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        let bound = u32::try_from(all.len()).expect("a few");
        let place = usize::try_from(self.below(bound)).expect("a small one");
        all[place].clone()
    }
}
