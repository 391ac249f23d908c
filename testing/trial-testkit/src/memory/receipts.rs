//! Delivery receipts in memory.

use async_trait::async_trait;
use trial_core::error::LedgerError;
use trial_core::ports::Receipts;
use trial_core::sms::{Delivery, DeliveryReceipt};
use trial_core::verification::{CodeOutcome, SendState};

use super::{KeptCodeRequest, MemoryLedger};

#[async_trait]
impl Receipts for MemoryLedger {
    async fn record_receipt(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
        let DeliveryReceipt { gateway, provider_id, state, reason, at } = receipt;
        let mut kept = self.lock();
        let is_meant = |kept: &&mut KeptCodeRequest| {
            matches!(kept.record.outcome, CodeOutcome::Send { state: SendState::Accepted, .. })
                && kept.gateway.as_deref() == Some(&gateway)
                && kept.reply.as_deref() == Some(&provider_id)
        };
        let newest = kept.code_requests.values_mut().filter(is_meant).max_by_key(|kept| kept.record.at);
        let Some(found) = newest else { return Ok(false) };
        if state.replaces(found.delivery.as_ref().map(|known| known.state)) {
            found.delivery = Some(Delivery { state, reason, at });
        }
        Ok(true)
    }
}
