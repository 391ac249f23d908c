//! The delivery receipts of messages. No decision reads or changes these rows.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::error::LedgerError;
use trial_core::ports::Receipts;
use trial_core::sms::DeliveryReceipt;

use super::fault::Trouble;
use super::set::storable;
use super::transaction::Kind;
use super::{PATIENCE, PostgresLedger};
use crate::convert::micros;
use crate::schema::code_requests;
use crate::statement::HAS_PROVIDER_ID;
use crate::views;

#[async_trait]
impl Receipts for PostgresLedger {
    async fn record_receipt(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
        let connections = self.others.clone();
        self.to_its_end(async move {
            connections
                .transaction(Kind::Write, PATIENCE, |conn| {
                    let receipt = receipt.clone();
                    async move { append_audit(conn, &receipt).await }.boxed()
                })
                .await
        })
        .await
    }
}

/// The row is locked: of two receipts of one message, the second is judged by the state after the first.
async fn append_audit(mut conn: &AsyncPgConnection, receipt: &DeliveryReceipt) -> Result<bool, Trouble> {
    let found: Option<(Vec<u8>, Option<String>)> = code_requests::table
        .filter(HAS_PROVIDER_ID)
        .filter(code_requests::gateway.eq(storable(&receipt.gateway)))
        .filter(code_requests::reply.eq(storable(&receipt.provider_id)))
        .order(code_requests::at.desc())
        .limit(1)
        .select((code_requests::id, code_requests::delivery))
        .for_update()
        .get_result(&mut conn)
        .await
        .optional()?;
    let Some((id, known)) = found else { return Ok(false) };
    if receipt.state.replaces(views::delivery_state(known.as_deref())?) {
        let told = (
            code_requests::delivery.eq(receipt.state.as_str()),
            code_requests::delivery_reason.eq(receipt.reason.as_deref().map(storable)),
            code_requests::delivery_at.eq(micros(receipt.at)),
        );
        diesel::update(code_requests::table.find(id)).set(told).execute(&mut conn).await?;
    }
    Ok(true)
}
