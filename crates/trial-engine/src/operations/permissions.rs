//! The one table of operations and their permissions. `/ops/v1`, its OpenAPI document and the console authorise by it.

use std::str::FromStr;

use trial_core::operators::{Permission, Role};
use trial_core::values::UnknownName;

macro_rules! operations {
    ($($name:ident, $id:literal, $permission:ident;)+) => {
        /// What an operator can ask or do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = concat!("`", $id, "`.")] $name,)+
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its id in the OpenAPI document.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }

            /// The permission that it requires.
            pub const fn permission(self) -> Permission {
                match self { $(Self::$name => Permission::$permission),+ }
            }
        }
    };
}

operations! {
    Me, "me", Look;
    ListRequests, "listRequests", Look;
    ShowRequest, "showRequest", Look;
    ListApplications, "listApplications", Look;
    ShowApplication, "showApplication", Look;
    ListTenants, "listTenants", Look;
    ShowTenant, "showTenant", Look;
    ConvertTenant, "convertTenant", ChangeTenant;
    ExtendTrial, "extendTrial", ChangeTenant;
    SuspendTenant, "suspendTenant", ChangeTenant;
    ResumeTenant, "resumeTenant", ChangeTenant;
    CloseTenant, "closeTenant", ChangeTenant;
    ReopenTenant, "reopenTenant", ChangeTenant;
    ResendMail, "resendMail", SendMail;
    ListAccessCodes, "listAccessCodes", Look;
    AccessCodeStock, "accessCodeStock", Look;
    ImportAccessCodes, "importAccessCodes", ChangePool;
    RetireAccessCode, "retireAccessCode", ChangePool;
    ReleaseAccessCode, "releaseAccessCode", ChangePool;
    ShowEmailQuota, "showEmailQuota", Look;
    SetEmailQuota, "setEmailQuota", SetQuota;
    ListSettings, "listSettings", Look;
    SetSetting, "setSetting", ChangeSettings;
    ResetSetting, "resetSetting", ChangeSettings;
    ListMails, "listMails", Look;
    RetryMails, "retryMails", SendMail;
    RetryMail, "retryMail", SendMail;
    ShowPhone, "showPhone", Look;
    UnlockPhone, "unlockPhone", UnlockPhone;
    ListPrefixes, "listPrefixes", Look;
    ReleasePrefix, "releasePrefix", ChangePrefixes;
    AddSafePrefix, "addSafePrefix", ChangePrefixes;
    RemoveSafePrefix, "removeSafePrefix", ChangePrefixes;
    ListCallers, "listCallers", Look;
    SuspendCaller, "suspendCaller", SuspendCallers;
    ResumeCaller, "resumeCaller", SuspendCallers;
    SetCallerLimits, "setCallerLimits", ManageCallers;
    RemoveCaller, "removeCaller", ManageCallers;
    ListAudit, "listAudit", Look;
    ListOperators, "listOperators", ManageOperators;
    AddOperator, "addOperator", ManageOperators;
    RevokeOperator, "revokeOperator", ManageOperators;
}

impl Operation {
    /// Returns `true` if the role has the permission.
    pub fn is_allowed(self, role: Role) -> bool {
        role.may(self.permission())
    }
}

impl FromStr for Operation {
    type Err = UnknownName;

    fn from_str(id: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.iter().copied().find(|operation| operation.as_str() == id);
        found.ok_or_else(|| UnknownName(id.to_owned(), "operation"))
    }
}
