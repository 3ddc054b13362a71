//! Mail that comes back: delivery status notifications (RFC 3464) told from automatic replies (RFC 3834) and all else.
//!
//! Whoever can write to a mailbox can write this, so that nothing in it is believed but one thing: the Message-ID of the
//! letter that is said to have come back. It holds 96 bits that nobody knows but the reader of that letter and the mail
//! servers on its way. Size, depth, parts and header are bounded, and no address in it is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest mail that is read; of a longer one the front, where all that matters stands. Bytes.
pub const LONGEST_MAIL: usize = 1 << 20;
/// Multiparts in multiparts.
const DEEPEST: usize = 4;
/// Parts of one multipart.
const MOST_PARTS: usize = 20;
/// Header of one part, bytes.
const LONGEST_HEADER: usize = 64 << 10;
/// Recipients of one report, and letters that it names.
const MOST_GROUPS: usize = 20;
/// Hexadecimal digits of a letter's name.
const NAME: usize = 24;

/// What a mail turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// A report on a letter.
    Report(BounceReport),
    /// An automatic reply, such as of somebody on leave. It says nothing about delivery.
    AutoReply,
    /// Something else, such as a person's answer, or a report that things went well.
    Other,
    /// A report that can't be read, or that names no letter.
    Unreadable,
}

/// A mail server's report on a letter that it could not deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BounceReport {
    /// The letters that it may be about, by the names in their Message-IDs ([`crate::letter_name`]).
    pub letters: Vec<String>,
    /// The server has given up; else it goes on trying.
    pub given_up: bool,
    /// The status code (RFC 3463), such as `5.1.1`; `5.0.0` or `4.0.0` when the report holds none.
    pub status: String,
}

/// Reads a mail.
pub fn read_returned(mail: &[u8]) -> Returned {
    let mail = mail.get(..LONGEST_MAIL).unwrap_or(mail);
    let part = Part::read(mail);
    let report = find_report(&part, 0);
    let Some(report) = report else {
        return if is_automatic(&part) {
            Returned::AutoReply
        } else {
            Returned::Other
        };
    };
    let inner = report.parts();
    let status = inner
        .iter()
        .find(|part| part.is(&["message/delivery-status", "message/global-delivery-status"]));
    let Some(status) = status else {
        // A read receipt, or a report of another kind.
        return Returned::Other;
    };
    let Some((given_up, status)) = verdict(&status.content()) else {
        return Returned::Unreadable;
    };
    if status.starts_with('2') {
        return Returned::Other;
    }
    let mut letters = Vec::new();
    for returned in &inner {
        if returned.is(&[
            "message/rfc822",
            "message/global",
            "text/rfc822-headers",
            "message/rfc822-headers",
            "message/global-headers",
        ]) {
            let content = returned.content();
            let letter = Part::read(&content);
            letters.extend(
                letter
                    .field("message-id")
                    .into_iter()
                    .flat_map(|id| names(&id)),
            );
        }
    }
    if letters.is_empty() {
        // Some servers send nothing of the letter back and answer it instead.
        let answered = ["in-reply-to", "references"];
        letters.extend(
            answered
                .iter()
                .filter_map(|name| part.field(name))
                .flat_map(|ids| names(&ids)),
        );
    }
    letters.sort();
    letters.dedup();
    letters.truncate(MOST_GROUPS);
    if letters.is_empty() {
        return Returned::Unreadable;
    }
    Returned::Report(BounceReport {
        letters,
        given_up,
        status,
    })
}

/// One part of a mail, or the mail itself.
struct Part<'m> {
    header: Vec<(String, String)>,
    body: &'m [u8],
}

impl<'m> Part<'m> {
    fn read(bytes: &'m [u8]) -> Self {
        let mut header: Vec<(String, String)> = Vec::new();
        let mut at = 0;
        while at < bytes.len().min(LONGEST_HEADER) {
            let rest = &bytes[at..];
            let length = rest
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(rest.len(), |end| end + 1);
            let line = rest[..length].trim_ascii_end();
            at += length;
            if line.is_empty() {
                break;
            }
            let text = String::from_utf8_lossy(line);
            if line.first().is_some_and(|byte| byte.is_ascii_whitespace()) {
                if let Some((_, value)) = header.last_mut() {
                    value.push(' ');
                    value.push_str(text.trim());
                }
            } else if let Some((name, value)) = text.split_once(':') {
                header.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Self {
            header,
            body: &bytes[at..],
        }
    }

    fn field(&self, name: &str) -> Option<String> {
        let mut all = self.header.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }

    /// The media type, in small letters, without what follows it.
    fn media(&self) -> String {
        let field = self.field("content-type").unwrap_or_default();
        let media = field.split(';').next().unwrap_or_default();
        media.trim().to_ascii_lowercase()
    }

    fn is(&self, medias: &[&str]) -> bool {
        medias.contains(&self.media().as_str())
    }

    fn boundary(&self) -> Option<String> {
        let field = self.field("content-type")?;
        // ASCII only, so that both have the same places.
        let at = field.to_ascii_lowercase().find("boundary=")? + "boundary=".len();
        let value = field.get(at..)?;
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => value.split([';', ' ', '\t']).next()?,
        };
        (!value.is_empty() && value.len() <= 200).then(|| value.to_owned())
    }

    /// The parts of a multipart.
    fn parts(&self) -> Vec<Self> {
        let Some(boundary) = self.boundary() else {
            return Vec::new();
        };
        let mark = format!("--{boundary}");
        let (mut parts, mut begun, mut at) = (Vec::new(), None, 0);
        while at < self.body.len() && parts.len() < MOST_PARTS {
            let rest = &self.body[at..];
            let length = rest
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(rest.len(), |end| end + 1);
            let line = rest[..length].trim_ascii_end();
            if let Some(after) = line.strip_prefix(mark.as_bytes())
                && (after.is_empty() || after == b"--")
            {
                if let Some(begun) = begun.take() {
                    parts.push(Self::read(&self.body[begun..at]));
                }
                if after == b"--" {
                    return parts;
                }
                begun = Some(at + length);
            }
            at += length;
        }
        // A mail that was cut off still has its last part.
        if let Some(begun) = begun
            && parts.len() < MOST_PARTS
        {
            parts.push(Self::read(&self.body[begun..]));
        }
        parts
    }

    /// The body, decoded.
    fn content(&self) -> Vec<u8> {
        let encoding = self.field("content-transfer-encoding").unwrap_or_default();
        match encoding.trim().to_ascii_lowercase().as_str() {
            "base64" => {
                let mut text: Vec<u8> = self.body.to_vec();
                text.retain(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte));
                text.truncate(text.len() / 4 * 4);
                STANDARD.decode(text).unwrap_or_default()
            }
            "quoted-printable" => unquoted(self.body),
            _ => self.body.to_vec(),
        }
    }
}

/// The report, in whatever wrapping.
fn find_report<'m>(part: &Part<'m>, depth: usize) -> Option<Part<'m>> {
    if !part.media().starts_with("multipart/") || depth > DEEPEST {
        return None;
    }
    if part.media() == "multipart/report" {
        return Some(Part {
            header: part.header.clone(),
            body: part.body,
        });
    }
    part.parts()
        .iter()
        .find_map(|inner| find_report(inner, depth + 1))
}

/// Whether the server has given up, and its status code. Of several recipients the worst counts: a letter has one.
fn verdict(report: &[u8]) -> Option<(bool, String)> {
    let text = String::from_utf8_lossy(report).replace("\r\n", "\n");
    let mut worst: Option<(u8, String)> = None;
    // The first group is about the report itself.
    for group in text.trim_start().split("\n\n").take(MOST_GROUPS + 1) {
        let part = Part::read(group.as_bytes());
        let Some(action) = part.field("action") else {
            continue;
        };
        let action = action
            .split([' ', '(', ';'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let (rank, class) = match action.as_str() {
            "failed" => (2, '5'),
            "delayed" => (1, '4'),
            "delivered" | "relayed" | "expanded" => (0, '2'),
            _ => continue,
        };
        let status = part.field("status").and_then(|status| status_code(&status));
        let status = status.unwrap_or_else(|| format!("{class}.0.0"));
        if worst.as_ref().is_none_or(|(known, _)| *known < rank) {
            // What is said to have gone well is not a failure, whatever the code.
            let status = if rank == 0 {
                "2.0.0".to_owned()
            } else {
                status
            };
            worst = Some((rank, status));
        }
    }
    let (rank, status) = worst?;
    // A report that says both "failed" and "2.x.x" says nothing.
    (rank == 0 || !status.starts_with('2')).then_some((rank == 2, status))
}

/// `5.1.1` from `5.1.1 (bad mailbox)`.
fn status_code(field: &str) -> Option<String> {
    let code = field.split([' ', '(', '\t']).next()?;
    let numbers: Vec<&str> = code.split('.').collect();
    let whole = numbers.len() == 3
        && matches!(numbers[0], "2" | "4" | "5")
        && numbers[1..].iter().all(|number| {
            (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        });
    whole.then(|| code.to_owned())
}

/// The names of letters in Message-IDs: `<24 hexadecimal digits@…>`.
fn names(ids: &str) -> Vec<String> {
    ids.split('<')
        .skip(1)
        .filter_map(|id| id.split_once('@'))
        .map(|(name, _)| name)
        .filter(|name| {
            name.len() == NAME
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
        .take(MOST_GROUPS)
        .map(str::to_owned)
        .collect()
}

fn is_automatic(part: &Part<'_>) -> bool {
    let submitted = part.field("auto-submitted");
    submitted.is_some_and(|how| !how.to_ascii_lowercase().starts_with("no"))
        || ["x-autoreply", "x-autorespond", "x-auto-response-suppress"]
            .iter()
            .any(|name| part.field(name).is_some())
        || part
            .field("precedence")
            .is_some_and(|how| how.eq_ignore_ascii_case("auto_reply"))
}

fn unquoted(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        let next = (body.get(at + 1).copied(), body.get(at + 2).copied());
        let digit = |byte: u8| char::from(byte).to_digit(16);
        match (byte, next) {
            (b'=', (Some(b'\r'), Some(b'\n'))) => at += 3,
            (b'=', (Some(b'\n'), _)) => at += 2,
            (b'=', (Some(high), Some(low))) if digit(high).is_some() && digit(low).is_some() => {
                let value = digit(high).unwrap_or(0) * 16 + digit(low).unwrap_or(0);
                out.push(u8::try_from(value).unwrap_or(b'?'));
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}
