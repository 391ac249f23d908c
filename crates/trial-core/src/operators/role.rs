use crate::values::named;

/// The permissions of a person. Each role includes those of the roles before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks, and sees phones and addresses masked.
    Viewer,
    /// Does the daily work.
    Operator,
    /// Says who else may do what.
    Admin,
}

named!(Role, "role", { Viewer => "viewer", Operator => "operator", Admin => "admin" });

/// Something that not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See everything, with phones and addresses masked.
    Look,
    /// See phones and addresses as they are, each time noted in the audit.
    Reveal,
    /// Unlock a phone.
    UnlockPhone,
    /// Release number prefixes, and keep the safe list.
    ChangePrefixes,
    /// Have a mail tried again, or written again.
    SendMail,
    /// Convert, extend, suspend, resume, close and reopen tenants.
    ChangeTenant,
    /// Load, retire and release access codes.
    ChangePool,
    /// Set the e-mail threshold.
    SetQuota,
    /// Suspend callers, and take that back.
    SuspendCallers,
    /// Change settings while the service runs.
    ChangeSettings,
    /// Remove callers, and change what they may ask for and how often.
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
    /// The least role that it takes: the one table of what each role may do.
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
