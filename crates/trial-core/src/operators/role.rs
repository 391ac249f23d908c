//! Roles of operators, and the permissions of each.

use crate::values::named;

/// The role of an operator. Each role includes the permissions of the roles before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees everything, with phones and addresses masked.
    Viewer,
    /// Does the daily work of operations.
    Operator,
    /// Manages operators and API clients.
    Admin,
}

named!(Role, "role", { Viewer => "viewer", Operator => "operator", Admin => "admin" });

/// A permission that a role grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See everything, with phones and addresses masked.
    Look,
    /// See phones and addresses in full, recorded in the audit trail each time.
    Reveal,
    /// Unlock a phone.
    UnlockPhone,
    /// Release number ranges, and edit the safe list.
    ChangePrefixes,
    /// Retry a mail, or send it again.
    SendMail,
    /// Convert, extend, suspend, resume, close and reopen tenants.
    ChangeTenant,
    /// Load, retire and release access codes.
    ChangePool,
    /// Set the daily e-mail limit.
    SetQuota,
    /// Suspend and resume API clients.
    SuspendCallers,
    /// Change settings while the service runs.
    ChangeSettings,
    /// Remove API clients, and change their scopes and rates.
    ManageCallers,
    /// See, add and revoke operators.
    ManageOperators,
}

named!(Permission, "permission", {
    Look => "look",
    Reveal => "reveal",
    UnlockPhone => "unlock_phone",
    ChangePrefixes => "change_prefixes",
    SendMail => "send_mail",
    ChangeTenant => "change_tenant",
    ChangePool => "change_pool",
    SetQuota => "set_quota",
    SuspendCallers => "suspend_callers",
    ChangeSettings => "change_settings",
    ManageCallers => "manage_callers",
    ManageOperators => "manage_operators",
});

impl Permission {
    /// The least role that has it: the one table of roles and permissions.
    pub const fn takes(self) -> Role {
        match self {
            Self::Look => Role::Viewer,
            Self::Reveal
            | Self::UnlockPhone
            | Self::ChangePrefixes
            | Self::SendMail
            | Self::ChangeTenant
            | Self::ChangePool
            | Self::SetQuota
            | Self::SuspendCallers => Role::Operator,
            Self::ChangeSettings | Self::ManageCallers | Self::ManageOperators => Role::Admin,
        }
    }
}

impl Role {
    /// Returns `true` if the role has this permission.
    pub fn may(self, permission: Permission) -> bool {
        self >= permission.takes()
    }
}
