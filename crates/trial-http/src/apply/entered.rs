//! The form as the visitor filled it in.

use trial_core::values::{
    CompanyError, CompanyName, Email, EmailError, Locale, Phone, PhoneError, PhonePolicy, SubmittedCode,
    SubmittedCodeError,
};

use super::SiteSettings;
use crate::HttpSettings;
use crate::fields::Fields;
use crate::messages::in_locale;

/// Fields as typed, to be shown again after an error.
#[derive(Debug, Clone, Default)]
pub(super) struct Entered {
    pub(super) company: String,
    pub(super) email: String,
    /// ISO 3166 code; empty for the default region.
    pub(super) country: String,
    pub(super) phone: String,
    pub(super) code: String,
    /// Digest of the accepted terms; empty if none.
    pub(super) agreed: String,
}

/// Fields as the rules parse them.
pub(super) struct Parsed {
    pub(super) company: CompanyName,
    pub(super) phone: Phone,
    pub(super) code: SubmittedCode,
    pub(super) email: Email,
}

/// The problem of a field, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldProblem {
    /// Name and id of the field.
    pub(super) field: &'static str,
    pub(super) words: &'static str,
}

impl Entered {
    pub(super) fn of(fields: &Fields) -> Self {
        let text = |name| fields.text(name);
        Self {
            company: text("company"),
            email: text("email"),
            country: text("country"),
            phone: text("phone"),
            code: text("code"),
            agreed: text("agreed"),
        }
    }

    pub(super) fn phone(&self, policy: &PhonePolicy, locale: Locale) -> Result<Phone, FieldProblem> {
        let parsed = if self.country.is_empty() {
            Phone::parse(&self.phone, policy)
        } else {
            Phone::parse_in(&self.country, &self.phone, policy)
        };
        parsed.map_err(|error| FieldProblem { field: "phone", words: of_phone(&error, locale) })
    }

    pub(super) fn parse(
        &self,
        settings: &HttpSettings,
        site: &SiteSettings,
        locale: Locale,
    ) -> Result<Parsed, Vec<FieldProblem>> {
        let problem = |field, words| FieldProblem { field, words };
        let company = CompanyName::parse(&self.company).map_err(|error| problem("company", of_company(&error, locale)));
        let email = Email::parse_at(settings.mail_hosts, &self.email);
        let email = email.map_err(|error| problem("email", of_email(&error, locale)));
        let phone = self.phone(&settings.phone, locale);
        let code = SubmittedCode::parse(&self.code).map_err(|error| problem("code", of_code(&error, locale)));
        let agreed = if site.terms.as_ref().is_none_or(|terms| terms.are(&self.agreed)) {
            Ok(())
        } else {
            Err(problem("agreed", in_locale(locale, "Read and accept the terms.", "请阅读并同意条款。")))
        };
        match (company, email, phone, code, agreed) {
            (Ok(company), Ok(email), Ok(phone), Ok(code), Ok(())) => Ok(Parsed { company, phone, code, email }),
            (company, email, phone, code, agreed) => {
                // In the order of the page.
                let problems = [company.err(), email.err(), phone.err(), code.err(), agreed.err()];
                Err(problems.into_iter().flatten().collect())
            }
        }
    }
}

const fn of_phone(error: &PhoneError, locale: Locale) -> &'static str {
    let (en, zh) = match error {
        PhoneError::Empty(_) => ("Enter your mobile phone number.", "请输入手机号码。"),
        PhoneError::TooLong(_) | PhoneError::Malformed(_) | PhoneError::Placeholder(_) => (
            "This is not a valid number of the chosen country. Check the digits and the country.",
            "这不是所选国家/地区的有效号码，请检查号码和国家/地区。",
        ),
        PhoneError::NotMobile => (
            "This is not a mobile number. Enter one that receives text messages.",
            "这不是手机号码，请输入能接收短信的号码。",
        ),
        PhoneError::CountryNotServed => (
            "We do not serve this country. Enter a number of a country in the list.",
            "暂不支持该国家/地区的号码，请使用列表中国家/地区的号码。",
        ),
    };
    in_locale(locale, en, zh)
}

const fn of_company(error: &CompanyError, locale: Locale) -> &'static str {
    let (en, zh) = match error {
        CompanyError::Empty => ("Enter your company's name.", "请输入公司名称。"),
        CompanyError::TooLong => ("Shorten the name to 128 characters.", "公司名称不能超过 128 个字符。"),
        CompanyError::Control => {
            ("The name has an invisible character. Type it again.", "公司名称含有不可见字符，请重新输入。")
        }
    };
    in_locale(locale, en, zh)
}

const fn of_email(error: &EmailError, locale: Locale) -> &'static str {
    let (en, zh) = match error {
        EmailError::Empty => ("Enter your e-mail address.", "请输入邮箱地址。"),
        EmailError::TooLong => ("This e-mail address is too long. Enter another one.", "邮箱地址过长，请换一个。"),
        EmailError::NotAscii | EmailError::Malformed | EmailError::Placeholder => {
            ("This is not an e-mail address, such as name@example.com.", "邮箱地址格式不正确，例如 name@example.com。")
        }
        EmailError::LocalHost => (
            "This address cannot receive mail from the internet. Enter an address of a public domain.",
            "该邮箱地址无法通过互联网收信，请输入公网邮箱地址。",
        ),
        EmailError::Route => (
            "The part before the @ has a character such as % or ! that mail servers reject. Enter another address.",
            "邮箱地址 @ 前含有 %、! 等无法投递的字符，请换一个邮箱。",
        ),
    };
    in_locale(locale, en, zh)
}

const fn of_code(error: &SubmittedCodeError, locale: Locale) -> &'static str {
    let (en, zh) = match error {
        SubmittedCodeError::Empty => (
            "Enter the code from the text message. Request one if you have none.",
            "请输入短信验证码；如尚未收到，请先点击“获取验证码”。",
        ),
        SubmittedCodeError::TooLong(_) => {
            ("The code has 6 digits. Enter only these.", "验证码为 6 位数字，请重新输入。")
        }
    };
    in_locale(locale, en, zh)
}
