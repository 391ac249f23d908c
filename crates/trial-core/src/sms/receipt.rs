//! The delivery receipts that providers send for a message after they accepted it.

use chrono::{DateTime, Utc};

use crate::values::named;

/// A provider's report on the delivery of a message that it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReceipt {
    /// The gateway that handed the message over.
    pub gateway: String,
    /// The provider's id of the message, at most [`PROVIDER_ID_LENGTH`] characters.
    pub provider_id: String,
    /// The state of the delivery.
    pub state: DeliveryState,
    /// The reason for a failure in the provider's words, without personal data.
    pub reason: Option<String>,
    /// The time when we received it.
    pub at: DateTime<Utc>,
}

/// The longest id of a message that a receipt can name, in characters. No provider has one half as long.
pub const PROVIDER_ID_LENGTH: usize = 200;

/// The state of a message after the provider accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// The network has it.
    Sent,
    /// The phone has it.
    Delivered,
    /// The provider gave it up.
    Failed,
}

named!(DeliveryState, "state of a delivery", { Sent => "sent", Delivered => "delivered", Failed => "failed" });

/// The known delivery state of a message after the provider accepted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The state.
    pub state: DeliveryState,
    /// The reason for a failure, in the provider's words.
    pub reason: Option<String>,
    /// The time when we first received this state.
    pub at: DateTime<Utc>,
}

impl DeliveryState {
    /// Returns `true` if a receipt of this state replaces the known one. Receipts come late, twice and out of order,
    /// and no state goes back: `Delivered` is the last. `Failed` is final but for that: providers give up by the clock,
    /// and messages that they gave up have been seen to arrive. Of two receipts of the same state, the first holds.
    pub fn replaces(self, known: Option<Self>) -> bool {
        match known {
            None => true,
            Some(Self::Sent) => self != Self::Sent,
            Some(Self::Failed) => self == Self::Delivered,
            Some(Self::Delivered) => false,
        }
    }
}

/// A receipt that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableReceipt(
    /// The fault of the receipt; contains nothing of its text.
    pub &'static str,
);

#[cfg(test)]
mod tests {
    use super::DeliveryState::{self, Delivered, Failed, Sent};

    #[test]
    fn nothing_goes_back() {
        let replaces = |known: Option<DeliveryState>| {
            DeliveryState::ALL.iter().copied().filter(|told| told.replaces(known)).collect::<Vec<_>>()
        };
        assert_eq!(replaces(None), [Sent, Delivered, Failed]);
        assert_eq!(replaces(Some(Sent)), [Delivered, Failed]);
        assert_eq!(replaces(Some(Failed)), [Delivered]);
        assert_eq!(replaces(Some(Delivered)), []);
    }

    #[test]
    fn whatever_the_order_of_all_three_the_phone_has_it_in_the_end() {
        let orders = [
            [Sent, Delivered, Failed],
            [Sent, Failed, Delivered],
            [Delivered, Sent, Failed],
            [Delivered, Failed, Sent],
            [Failed, Sent, Delivered],
            [Failed, Delivered, Sent],
        ];
        for order in orders {
            let told = order.into_iter().chain(order);
            let known = told.fold(None, |known, told| if told.replaces(known) { Some(told) } else { known });
            assert_eq!(known, Some(Delivered), "{order:?}");
        }
    }
}
