//! The checks that every ledger passes. `ledger_conformance!` makes each check a test of its own, and
//! `ledger_screening_conformance!` those of a ledger with pre-screening.

mod applying;
mod clients;
mod codes;
mod concurrency;
mod differential;
mod durability;
mod events;
mod lifecycle;
mod number_ranges;
mod operations;
mod operators;
mod outbox;
mod pool;
mod portal;
mod privacy;
mod receipts;
mod screening;
mod search;
mod settings;

use async_trait::async_trait;
use trial_core::error::LedgerError;
use trial_core::policy::Policy;
use trial_core::ports::{
    ApiClients, AuditTrail, EventOperations, EventOutbox, NumberRanges, Operations, Operators, Outbox, Portal, Privacy,
    Receipts, SettingsStore, TrialLedger, Upkeep,
};

pub use applying::*;
pub use clients::*;
pub use codes::*;
pub use concurrency::*;
pub use differential::*;
pub use durability::*;
pub use events::*;
pub use lifecycle::*;
pub use number_ranges::*;
pub use operations::*;
pub use operators::*;
pub use outbox::*;
pub use pool::*;
pub use portal::*;
pub use privacy::*;
pub use receipts::*;
pub use screening::*;
pub use search::*;
pub use settings::*;

use crate::LedgerHarness;

/// Creates the ledgers to check.
#[async_trait]
pub trait LedgerFactory: Send + Sync {
    /// The kind of ledger.
    type Ledger: TrialLedger
        + Outbox
        + Operations
        + Receipts
        + Upkeep
        + EventOutbox
        + EventOperations
        + Privacy
        + Operators
        + AuditTrail
        + ApiClients
        + Portal
        + SettingsStore
        + NumberRanges
        + 'static;

    /// A new, empty ledger. The factory keeps its resources alive.
    async fn fresh(&self) -> Self::Ledger;

    /// Closes the last ledger and opens it again; `None` if it does not outlive its process.
    async fn reopen(&self, ledger: Self::Ledger) -> Option<Self::Ledger>;
}

async fn harness<F: LedgerFactory>(factory: &F, pairs: u32) -> LedgerHarness<F::Ledger> {
    LedgerHarness::new(factory.fresh().await).with_access_codes(pairs).await
}

async fn assert_sound<L: Operations>(ledger: &L) {
    let unique_by = Policy::default().trial.unique_by;
    assert_eq!(ledger.violations(unique_by).await.unwrap(), []);
}

/// A ledger may be contended; then nothing was done, and the same is asked again.
async fn in_the_end<T, A>(mut ask: impl FnMut() -> A) -> T
where
    A: Future<Output = Result<T, LedgerError>>,
{
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(LedgerError::Contended(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("the ledger can be used: {error}"),
        }
    }
}

/// Checks a ledger: one test for each check. The argument makes a [`LedgerFactory`] and is evaluated in each test.
#[macro_export]
macro_rules! ledger_conformance {
    ($factory:expr) => {
        $crate::ledger_conformance!(@tests $factory;
            a_sent_code_is_found_with_the_gateways_reply
            the_first_report_counts
            sends_to_a_phone_are_limited
            sends_that_failed_have_a_limit_of_their_own
            a_code_is_good_until_the_next_was_accepted
            an_unclear_send_is_kept_as_such
            a_refused_code_was_never_sent
            the_sms_budget_is_kept_by_day
            no_code_is_sent_when_no_mail_could_be
            a_resend_repeats_the_code_up_to_its_cap
            it_can_be_checked
            an_empty_batch_has_no_outcome
            success_brings_everything_into_being
            the_same_application_is_answered_again_for_a_day
            no_code_no_trial
            wrong_attempts_are_counted
            guesses_of_a_used_code_are_counted
            a_locked_phone_stays_locked_until_it_is_unlocked
            one_tenant_for_each_applicant
            a_trial_needs_an_access_code_of_each_kind
            the_email_threshold_is_kept_by_day
            a_new_threshold_is_in_force_at_once
            a_refusal_after_the_code_leaves_it_valid
            a_changed_setting_is_in_force_at_once
            a_changed_setting_is_remembered_and_audited
            an_absurd_setting_is_refused
            a_change_that_was_not_seen_is_not_undone
            one_of_two_simultaneous_changes_of_settings_is_refused
            the_stock_has_a_row_for_each_kind
            an_import_is_idempotent
            a_dry_run_changes_nothing
            a_bad_row_keeps_the_whole_file_out
            the_longest_free_code_is_given_first
            a_due_mail_is_complete
            claims_do_not_overlap
            an_ended_lease_frees_its_mails
            a_renewed_lease_holds
            commands_overtake_mails_that_wait
            the_account_mail_of_a_converted_tenant_says_so
            an_overtaken_mail_is_settled_as_that
            failed_mails_are_retried_together
            the_end_of_a_trial_is_published_when_no_mail_is_left
            a_sent_mail_is_done_with
            a_retry_is_due_at_its_time
            a_failed_mail_stays_visible
            late_sent_counts
            a_late_failure_does_not_count
            an_ended_lease_that_no_worker_took_over_counts
            a_clock_set_back_delays_no_mail
            a_settlement_counts_once
            settlements_come_together
            mails_are_listed_by_state
            a_failed_mail_can_be_retried
            a_receipt_is_kept_with_its_message
            receipts_never_go_back
            a_receipt_without_a_message_is_reported
            an_id_used_again_is_the_newest_message
            a_long_id_is_stored
            no_decision_looks_at_receipts
            receipts_at_once_end_delivered
            a_range_with_unused_codes_is_blocked
            codes_are_counted_as_used_once
            a_block_holds_within_its_batch
            the_messages_to_a_prefix_are_kept_by_day
            messages_to_a_prefix_are_limited_without_the_breaker
            a_safe_prefix_is_never_blocked
            counts_of_ranges_are_removed
            expired_rows_are_removed_in_ranges
            rows_of_a_tenant_in_use_are_kept
            an_agreement_is_kept_as_long_as_its_tenant
            a_person_is_shown_and_forgotten
            a_person_with_a_tenant_in_use_is_not_erased
            no_event_is_stored_without_a_platform
            an_acceptance_is_published_once
            events_are_claimed_by_one_worker
            an_event_is_retried_and_given_up
            a_late_word_of_an_event
            a_gone_endpoint_is_left_alone
            a_clock_set_back_delays_no_event
            an_event_can_be_replayed
            events_are_listed_newest_first
            tenants_are_listed_newest_first
            an_unknown_tenant_is_none
            applications_are_found
            the_newest_are_found
            an_operator_is_known_by_the_token
            a_name_is_free_again_when_its_operator_is_revoked
            operators_are_listed_newest_first
            a_session_is_kept_until_it_ends
            a_revoked_operator_has_no_session
            expired_sessions_are_removed
            an_operator_has_a_number_of_sessions
            a_name_is_taken_once
            changes_of_operators_are_audited
            the_audit_is_searched
            the_audit_is_paged
            searches_are_recorded_and_counted
            searches_at_once_stay_within_the_limit
            mails_are_found_by_state_and_tenant
            a_caller_is_known_by_the_access_key
            callers_are_listed_newest_first
            callers_are_changed
            the_limits_of_a_caller_are_changed
            an_account_is_found_with_its_own_password
            a_new_password_ends_other_sessions
            portal_sessions_begin_and_end
            attempts_to_sign_in_are_counted
            a_session_ends_with_its_tenant
            a_wish_for_conversion_is_kept
            a_wish_for_conversion_is_one_wherever_it_is_said
            a_link_to_a_password_is_a_mail
            a_changed_password_is_notified
            many_changes_of_a_day_are_notified_by_one_digest
            acts_of_an_owner_are_bound_by_the_hour
            owners_and_applicants_have_budgets_of_their_own
            a_refused_password_is_not_notified
            a_password_is_changed_by_one_of_many_at_once
            portal_data_is_exported_and_removed
            changes_of_callers_are_audited
            a_signature_is_new_once
            a_signature_is_new_to_one_instance
            applications_are_counted_by_the_hour
            hours_that_a_clock_ahead_has_counted_hide_none
            applications_are_searched
            requests_are_searched
            tenants_are_searched
            access_codes_are_retired_and_released
            the_clock_is_marked_and_confirmed
            a_trial_runs_its_course
            an_early_sweep_changes_nothing
            a_closed_tenants_codes_are_quarantined_and_freed
            a_close_can_be_undone_during_the_quarantine
            a_rival_keeps_a_closed_tenant_closed
            a_commercial_tenant_keeps_its_codes_for_good
            an_account_is_sent_again_with_the_same_password
            accounts_leave_the_outbox_first
            reminders_wait_for_the_last_tenth
            due_tenants_come_in_pages
            a_rehearsal_changes_nothing
            an_order_is_audited
            every_attempt_is_kept
            a_warning_is_sent_once_a_day
            the_last_access_codes_are_given_once
            the_threshold_is_never_passed
            copies_of_one_application_get_one_tenant
            a_mail_is_claimed_by_one_worker
            it_agrees_with_the_ledger_in_memory
            committed_data_outlives_the_process
        );
    };
    (@tests $factory:expr; $($check:ident)+) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $check() {
            $crate::conformance::$check(&$factory).await;
        }
    )+ };
}

/// Checks the pre-screening of a ledger, as [`ledger_conformance!`](crate::ledger_conformance) checks the rest.
#[macro_export]
macro_rules! ledger_screening_conformance {
    ($factory:expr) => {
        $crate::ledger_conformance!(@tests $factory;
            screening_nothing_has_no_answer
            screened_out_applications_are_on_the_timeline
            screening_leaves_what_must_be_decided
            the_others_are_decided_as_without_screening
            it_screens_like_the_ledger_in_memory
            copies_of_one_application_are_never_screened_out
        );
    };
}
