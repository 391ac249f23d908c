//! The delivery receipts of messages. No decision reads or changes these rows.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::error::LedgerError;
use trial_core::ports::Receipts;
use trial_core::sms::DeliveryReceipt;

use super::{SqliteLedger, fault};
use crate::convert::micros;
use crate::schema::code_requests;
use crate::statement::HAS_PROVIDER_ID;
use crate::views;

#[async_trait]
impl Receipts for SqliteLedger {
    async fn record_receipt(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
        self.writer.transact(move |conn| append_audit(conn, &receipt)).await
    }
}

fn append_audit(conn: &mut SqliteConnection, receipt: &DeliveryReceipt) -> Result<bool, LedgerError> {
    let found: Option<(Vec<u8>, Option<String>)> = code_requests::table
        .filter(HAS_PROVIDER_ID)
        .filter(code_requests::gateway.eq(&receipt.gateway))
        .filter(code_requests::reply.eq(&receipt.provider_id))
        .order(code_requests::at.desc())
        .select((code_requests::id, code_requests::delivery))
        .first(conn)
        .optional()
        .map_err(fault)?;
    let Some((id, known)) = found else { return Ok(false) };
    if receipt.state.replaces(views::delivery_state(known.as_deref())?) {
        let told = (
            code_requests::delivery.eq(receipt.state.as_str()),
            code_requests::delivery_reason.eq(receipt.reason.as_deref()),
            code_requests::delivery_at.eq(micros(receipt.at)),
        );
        diesel::update(code_requests::table.find(id)).set(told).execute(conn).map_err(fault)?;
    }
    Ok(true)
}
