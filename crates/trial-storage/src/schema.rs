//! The tables, in column types that every database has: times and days as integers, ids as 16 bytes, enumerations as text.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    challenges (id) {
        id -> Binary,
        phone -> Text,
        key_id -> Text,
        made_at -> BigInt,
        expires_at -> BigInt,
        tries -> Integer,
        state -> Text,
        proven_at -> Nullable<BigInt>,
    }
}

table! {
    phones (phone) {
        phone -> Text,
        country_code -> Integer,
        failures -> Integer,
        challenge -> Nullable<Binary>,
        previous -> Nullable<Binary>,
    }
}

table! {
    code_requests (id) {
        id -> Binary,
        request_id -> Text,
        at -> BigInt,
        phone -> Text,
        country_code -> Integer,
        challenge -> Nullable<Binary>,
        state -> Nullable<Text>,
        refusal -> Nullable<Text>,
        gateway -> Nullable<Text>,
        reply -> Nullable<Text>,
        delivery -> Nullable<Text>,
        delivery_reason -> Nullable<Text>,
        delivery_at -> Nullable<BigInt>,
        return_code -> Text,
    }
}

table! {
    sms_days (day, country_code) {
        day -> Integer,
        country_code -> Integer,
        sent -> BigInt,
    }
}

table! {
    clock_marks (id) {
        id -> Integer,
        seen_at -> Nullable<BigInt>,
    }
}

table! {
    prefix_spans (prefix, span) {
        prefix -> BigInt,
        span -> Integer,
        messages -> Integer,
        sent -> Integer,
        used -> Integer,
    }
}

table! {
    prefix_blocks (prefix) {
        prefix -> BigInt,
        since -> BigInt,
        until -> BigInt,
        sent -> BigInt,
        used -> BigInt,
        met -> BigInt,
        counted_after -> Integer,
    }
}

table! {
    safe_prefixes (prefix) {
        prefix -> BigInt,
        reason -> Text,
        at -> BigInt,
        actor -> Text,
    }
}

table! {
    tenants (id) {
        id -> Binary,
        status -> Text,
        phone -> Text,
        country_code -> Integer,
        email -> Text,
        email_key -> Text,
        company -> Text,
        company_key -> Text,
        created_at -> BigInt,
        trial_ends_at -> BigInt,
        key_id -> Text,
        password_issue -> Integer,
        password_issued_at -> BigInt,
        locale -> Text,
        converted_at -> Nullable<BigInt>,
        suspended_at -> Nullable<BigInt>,
        closes_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
        told_until -> BigInt,
        next_step_at -> Nullable<BigInt>,
        conversion_asked_at -> Nullable<BigInt>,
    }
}

table! {
    access_codes (code) {
        code -> Text,
        kind -> Text,
        state -> Text,
        since -> BigInt,
        tenant -> Nullable<Binary>,
        last_tenant -> Nullable<Binary>,
    }
}

table! {
    setting_changes (seq) {
        seq -> BigInt,
        setting -> Text,
        value -> Nullable<Text>,
        in_force -> Text,
        at -> BigInt,
        actor -> Text,
    }
}

table! {
    quota_days (day) {
        day -> Integer,
        reserved -> BigInt,
        owner_mails -> BigInt,
    }
}

table! {
    mails (id) {
        id -> Binary,
        kind -> Text,
        tenant -> Nullable<Binary>,
        recipient -> Text,
        locale -> Text,
        state -> Text,
        attempts -> Integer,
        created_at -> BigInt,
        next_attempt_at -> BigInt,
        lease -> Nullable<Binary>,
        settled_at -> Nullable<BigInt>,
        last_reply -> Nullable<Text>,
        quota_day -> Nullable<Integer>,
        quota_unit -> Nullable<BigInt>,
        quota_threshold -> Nullable<BigInt>,
        priority -> Integer,
        detail -> Nullable<Text>,
        quota_budget -> Text,
    }
}

table! {
    mail_attempts (mail, attempt) {
        mail -> Binary,
        attempt -> Integer,
        at -> BigInt,
        result -> Text,
        reply -> Text,
    }
}

table! {
    applications (id) {
        id -> Binary,
        request_id -> Text,
        at -> BigInt,
        phone -> Text,
        country_code -> Integer,
        email -> Text,
        email_key -> Text,
        company -> Text,
        company_key -> Text,
        challenge -> Nullable<Binary>,
        outcome -> Text,
        tenant -> Nullable<Binary>,
        refusal -> Nullable<Text>,
        return_code -> Text,
    }
}

table! {
    application_hours (hour, return_code) {
        hour -> BigInt,
        return_code -> Text,
        applications -> BigInt,
        tenants -> BigInt,
    }
}

table! {
    warnings (day, name) {
        day -> Integer,
        name -> Text,
        at -> BigInt,
        words -> Text,
    }
}

table! {
    audit (id) {
        id -> Binary,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        subject -> Text,
        detail -> Text,
    }
}

table! {
    platform_events (seq) {
        seq -> BigInt,
        id -> Binary,
        kind -> Text,
        tenant -> Binary,
        at -> BigInt,
        payload -> Text,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> BigInt,
        lease -> Nullable<Binary>,
        settled_at -> Nullable<BigInt>,
        last_reply -> Nullable<Text>,
    }
}

table! {
    operators (id) {
        id -> Binary,
        name -> Text,
        name_key -> Text,
        role -> Text,
        token -> Binary,
        created_at -> BigInt,
        created_by -> Text,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    platform_endpoints (id) {
        id -> Text,
        disabled_at -> BigInt,
        reason -> Text,
    }
}

table! {
    sessions (secret) {
        secret -> Binary,
        operator -> Binary,
        created_at -> BigInt,
        used_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    callers (id) {
        id -> Binary,
        name -> Text,
        name_key -> Text,
        access_key -> Text,
        secret -> Binary,
        secret_key_id -> Text,
        next_secret -> Nullable<Binary>,
        next_secret_key_id -> Nullable<Text>,
        scopes -> Text,
        rate -> BigInt,
        created_at -> BigInt,
        created_by -> Text,
        suspended_at -> Nullable<BigInt>,
        removed_at -> Nullable<BigInt>,
    }
}

table! {
    caller_signatures (signature) {
        signature -> Binary,
        expires_at -> BigInt,
    }
}

table! {
    portal_passwords (tenant) {
        tenant -> Binary,
        issue -> Integer,
        hash -> Text,
        set_at -> BigInt,
    }
}

table! {
    portal_sessions (secret) {
        secret -> Binary,
        tenant -> Binary,
        issue -> Integer,
        created_at -> BigInt,
        used_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    portal_tries (hour, who) {
        hour -> BigInt,
        who -> Binary,
        tries -> Integer,
    }
}

table! {
    owner_acts (tenant) {
        tenant -> Binary,
        hour -> BigInt,
        wishes -> Integer,
        passwords -> Integer,
        sign_outs -> Integer,
        day -> Integer,
        links -> Integer,
        changes -> Integer,
        digest_changes -> Nullable<Integer>,
        digest_last_at -> Nullable<BigInt>,
        digest_due_at -> Nullable<BigInt>,
    }
}

allow_tables_to_appear_in_same_query!(challenges, phones, applications, mails, tenants, access_codes);
allow_tables_to_appear_in_same_query!(sessions, operators);
