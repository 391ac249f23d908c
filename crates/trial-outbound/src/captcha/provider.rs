//! The CAPTCHA providers and their addresses.

/// The provider of the widget and judge of its proofs, or one with the same interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaProvider {
    /// Cloudflare Turnstile: <https://developers.cloudflare.com/turnstile/>.
    Turnstile,
    /// hCaptcha: <https://docs.hcaptcha.com/>.
    HCaptcha,
    /// Google reCAPTCHA, version 2: <https://developers.google.com/recaptcha/docs/display>.
    ReCaptcha,
}

impl CaptchaProvider {
    /// The address that checks proofs.
    pub const fn verify_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::HCaptcha => "https://api.hcaptcha.com/siteverify",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }

    /// The script of the widget.
    pub const fn script_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/api.js",
            Self::HCaptcha => "https://js.hcaptcha.com/1/api.js",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api.js",
        }
    }

    /// The sources that the content security policy of a page has to permit for the widget (scripts, frames, styles,
    /// connections), as documented by the provider.
    pub const fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Turnstile => &["https://challenges.cloudflare.com"],
            Self::HCaptcha => &["https://hcaptcha.com", "https://*.hcaptcha.com"],
            Self::ReCaptcha => &[
                "https://www.google.com/recaptcha/",
                "https://www.gstatic.com/recaptcha/",
                "https://recaptcha.google.com/recaptcha/",
            ],
        }
    }

    /// The class of the element that becomes the widget.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Turnstile => "cf-turnstile",
            Self::HCaptcha => "h-captcha",
            Self::ReCaptcha => "g-recaptcha",
        }
    }

    /// The field of the form that the widget puts the proof into.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Turnstile => "cf-turnstile-response",
            Self::HCaptcha => "h-captcha-response",
            Self::ReCaptcha => "g-recaptcha-response",
        }
    }

    /// The object of the script, whose `render` creates another widget.
    pub const fn object(self) -> &'static str {
        match self {
            Self::Turnstile => "turnstile",
            Self::HCaptcha => "hcaptcha",
            Self::ReCaptcha => "grecaptcha",
        }
    }
}
