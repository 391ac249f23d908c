//! Branding of the application page: name, colour, logo, links, terms.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use actix_web::web::Bytes;
use trial_core::applications::Terms;

/// Size limit of a logo in bytes, which keeps the first page small.
const MAX_LOGO: usize = 64 * 1024;
/// The contrast that WCAG 2.2 (success criterion 1.4.3) requires of text.
const LEAST_CONTRAST: f64 = 4.5;
/// Dark blue.
const USUAL: BrandColour = BrandColour([0x0b, 0x57, 0xa4]);

/// Branding and content of the application page.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteSettings {
    /// Name of the provider of the trial.
    pub name: String,
    /// The colour of buttons and links.
    pub colour: BrandColour,
    /// The picture beside the name.
    pub logo: Option<Logo>,
    /// Links at the end of the page.
    pub links: Vec<SiteLink>,
    /// Terms that applicants accept, if any.
    pub terms: Option<Terms>,
    /// Origins whose pages may embed the form.
    pub embed_origins: Vec<EmbedOrigin>,
    /// The sign-in address.
    pub portal_url: String,
    /// Support contact.
    pub support_contact: String,
}

/// A link at the end of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteLink {
    /// The text of the link.
    pub label: String,
    /// The address: `https://…`.
    pub url: String,
}

/// Origin of a page that may embed the form: scheme, host, and port unless it is the default one (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedOrigin(String);

/// A colour with enough contrast to white text: red, green and blue in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrandColour([u8; 3]);

/// A picture beside the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    media: &'static str,
    bytes: Bytes,
}

/// An unusable colour, origin or logo; the message says what to give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrandError {
    /// Not a colour.
    #[error("is not a colour; write it as #RRGGBB, such as \"#0b57a4\"")]
    NotAColour,
    /// Too bright for white text.
    #[error("is too bright: white text on it has a contrast of {0}:1, and needs 4.5:1; choose a darker one")]
    TooBright(String),
    /// Not an origin.
    #[error("is not the origin of a website: scheme and host alone, such as \"https://www.example.com\"")]
    NotAnOrigin,
    /// Not a picture that browsers show.
    #[error("is not a picture that every browser shows; give a .png, .jpg, .webp or .svg")]
    NotAPicture,
    /// Too large.
    #[error("has more than {MAX_LOGO} bytes; give a smaller one")]
    TooLarge,
}

impl Default for SiteSettings {
    fn default() -> Self {
        Self {
            name: "Trialgate".to_owned(),
            colour: USUAL,
            logo: None,
            links: Vec::new(),
            terms: None,
            embed_origins: Vec::new(),
            portal_url: "https://portal.example.com/".to_owned(),
            support_contact: "support@example.com".to_owned(),
        }
    }
}

impl Default for BrandColour {
    fn default() -> Self {
        USUAL
    }
}

impl fmt::Display for BrandColour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for BrandColour {
    type Err = BrandError;

    fn from_str(text: &str) -> Result<Self, BrandError> {
        let is_hex = |digits: &&str| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = text.strip_prefix('#').filter(is_hex).ok_or(BrandError::NotAColour)?;
        let number = u32::from_str_radix(digits, 16).map_err(|_| BrandError::NotAColour)?;
        let [_, red, green, blue] = number.to_be_bytes();
        let colour = Self([red, green, blue]);
        let contrast = colour.contrast_with_white();
        if contrast < LEAST_CONTRAST {
            return Err(BrandError::TooBright(format!("{contrast:.1}")));
        }
        Ok(colour)
    }
}

impl BrandColour {
    /// The contrast ratio of white text on it, 1 to 21 (WCAG 2.2, relative luminance).
    fn contrast_with_white(self) -> f64 {
        let linear = |channel: u8| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    }

    /// The style sheet's rule for the colour.
    pub(crate) fn style(self) -> String {
        format!(":root {{ --brand: {self}; }}\n")
    }

    /// An icon for the browser's tab if there is no logo: a gate.
    pub(crate) fn icon(self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" rx=\"3\" \
             fill=\"{self}\"/><path d=\"M4 13V7a4 4 0 0 1 8 0v6\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2\"/></svg>"
        )
    }
}

impl FromStr for EmbedOrigin {
    type Err = BrandError;

    /// The form that browsers write: lower case, without a path.
    fn from_str(text: &str) -> Result<Self, BrandError> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let (host, port) =
            rest.map(|rest| rest.split_once(':').unwrap_or((rest, "1"))).ok_or(BrandError::NotAnOrigin)?;
        let is_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        if host.is_empty() || !host.bytes().all(is_host) || port.parse::<u16>().is_err() {
            return Err(BrandError::NotAnOrigin);
        }
        Ok(Self(text.to_owned()))
    }
}

impl EmbedOrigin {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Logo {
    /// A logo from a file of this name.
    ///
    /// # Errors
    /// The message says what to give instead.
    pub fn new(file: &Path, bytes: Vec<u8>) -> Result<Self, BrandError> {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let media = match extension.to_ascii_lowercase().as_str() {
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "webp" => "image/webp",
            "svg" => "image/svg+xml",
            _ => return Err(BrandError::NotAPicture),
        };
        if bytes.len() > MAX_LOGO {
            return Err(BrandError::TooLarge);
        }
        Ok(Self { media, bytes: bytes.into() })
    }

    pub(crate) fn media(&self) -> &'static str {
        self.media
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_can_be_read_on() {
        assert_eq!("#0b57a4".parse(), Ok(USUAL));
        assert_eq!("#000000".parse::<BrandColour>().unwrap().style(), ":root { --brand: #000000; }\n");
        assert!(((BrandColour([0; 3])).contrast_with_white() - 21.0).abs() < 1e-9);
        // The border that WCAG's own tools give for grey.
        assert!("#767676".parse::<BrandColour>().is_ok());
        assert_eq!("#777777".parse::<BrandColour>(), Err(BrandError::TooBright("4.5".to_owned())));
        for wrong in ["", "blue", "0b57a4", "#0b5", "#0b57a4ff", "#gggggg", "#+b57a4"] {
            assert_eq!(wrong.parse::<BrandColour>(), Err(BrandError::NotAColour), "{wrong}");
        }
    }

    #[test]
    fn an_origin_is_scheme_and_host() {
        for origin in ["https://www.example.com", "http://127.0.0.1:8081", "https://example.com:8443"] {
            assert_eq!(origin.parse::<EmbedOrigin>().unwrap().as_str(), origin);
        }
        for wrong in [
            "",
            "*",
            "example.com",
            "https://",
            "https://a/",
            "https://A.com",
            "https://a:x",
            "https://a b",
            "https://a;b",
        ] {
            assert_eq!(wrong.parse::<EmbedOrigin>(), Err(BrandError::NotAnOrigin), "{wrong}");
        }
    }

    #[test]
    fn a_logo_is_a_small_picture() {
        let logo = Logo::new(Path::new("a/LOGO.SVG"), b"<svg/>".to_vec()).unwrap();
        assert_eq!((logo.media(), logo.bytes()), ("image/svg+xml", Bytes::from_static(b"<svg/>")));
        assert_eq!(Logo::new(Path::new("logo.gif"), Vec::new()), Err(BrandError::NotAPicture));
        assert!(Logo::new(Path::new("a.png"), vec![0; MAX_LOGO]).is_ok());
        assert_eq!(Logo::new(Path::new("a.png"), vec![0; MAX_LOGO + 1]), Err(BrandError::TooLarge));
    }
}
