//! Counts delivery receipts of short messages as they are stored.

use std::sync::Arc;

use async_trait::async_trait;
use trial_core::error::LedgerError;
use trial_core::ports::Receipts;
use trial_core::sms::DeliveryReceipt;

/// Stores receipts and counts them.
pub struct CountedReceipts(Arc<dyn Receipts>);

impl CountedReceipts {
    /// Wraps the store.
    pub fn new(kept: Arc<dyn Receipts>) -> Self {
        Self(kept)
    }
}

#[async_trait]
impl Receipts for CountedReceipts {
    async fn record_receipt(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
        let (gateway, state) = (receipt.gateway.clone(), receipt.state.as_str());
        let taken = self.0.record_receipt(receipt).await;
        // A receipt that cannot be stored yet comes again, and is counted then.
        if matches!(taken, Ok(true)) {
            metrics::counter!("trialgate_sms_receipts_total", "gateway" => gateway, "state" => state).increment(1);
        }
        taken
    }
}
