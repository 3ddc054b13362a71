//! The authenticator: RFC 6238, six digits, thirty seconds, one step of tolerance.

use hudun_core::Timestamp;
use qrcodegen::{QrCode, QrCodeEcc};
use totp_rs::{Builder, Secret, Totp};

/// A new secret, base32, 160 bits.
pub(crate) fn fresh_secret() -> String {
    Secret::from(rand::random::<[u8; 20]>()).to_base32()
}

/// An authenticator of an account.
pub(crate) struct Authenticator {
    totp: Totp,
}

impl Authenticator {
    pub(crate) fn new(secret: &str, account: &str, issuer: &str) -> Result<Self, String> {
        let secret = Secret::try_from_base32(secret).map_err(|error| error.to_string())?;
        let totp = Builder::new()
            .with_secret(secret)
            .with_skew(1)
            .with_account_name(account)
            .with_issuer(Some(issuer))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { totp })
    }

    /// The time step that these digits belong to, when they are right now. A step counts once: the caller sees to it.
    pub(crate) fn step(&self, code: &str, now: Timestamp) -> Option<u64> {
        let digits: String = code
            .chars()
            .filter(|c| !c.is_whitespace())
            .take(8)
            .collect();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        self.totp.check(&digits, seconds(now))
    }

    /// `otpauth://…`
    pub(crate) fn url(&self) -> Result<String, String> {
        self.totp.to_url().map_err(|error| error.to_string())
    }

    /// The same as a QR code.
    pub(crate) fn svg(&self) -> Result<String, String> {
        let code = QrCode::encode_text(&self.url()?, QrCodeEcc::Medium)
            .map_err(|error| error.to_string())?;
        Ok(svg(&code))
    }
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis() / 1000).unwrap_or(0)
}

fn svg(code: &QrCode) -> String {
    const BORDER: i32 = 4;
    let size = code.size() + 2 * BORDER;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                path.push_str(&format!("M{},{}h1v1h-1z", x + BORDER, y + BORDER));
            }
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{size}\" height=\"{size}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6238_vector_and_tolerance() {
        // RFC 6238 appendix B, SHA-1, cut to six digits: T = 59 s gives 94287082.
        let secret = Secret::from(*b"12345678901234567890").to_base32();
        let authenticator = Authenticator::new(&secret, "li.lei", "Hudun").unwrap();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(authenticator.step("287082", at(59)), Some(1));
        assert_eq!(
            authenticator.step("287 082", at(89)),
            Some(1),
            "one step later, typed with a gap"
        );
        assert_eq!(
            authenticator.step("287082", at(121)),
            None,
            "two steps later"
        );
        for wrong in ["", "28708", "2870822", "abcdef", "２８７０８２"] {
            assert_eq!(authenticator.step(wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn the_qr_code_is_an_svg_without_script() {
        let authenticator = Authenticator::new(&fresh_secret(), "li.lei", "Hudun").unwrap();
        assert!(
            authenticator
                .url()
                .unwrap()
                .starts_with("otpauth://totp/Hudun:li.lei?")
        );
        let svg = authenticator.svg().unwrap();
        assert!(svg.starts_with("<svg ") && !svg.contains("script"));
    }
}
