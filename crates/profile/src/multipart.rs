//! `multipart/form-data`: fields and file names, without the content of files.

use crate::body::{BodyView, File};
use crate::view::{MOST_PARAMS, Malformed};

/// Longest header block of a part, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;

pub(crate) fn read(content_type: &str, bytes: &[u8]) -> Result<BodyView, Malformed> {
    let boundary = parameter(content_type, "boundary")
        .filter(|boundary| !boundary.is_empty() && boundary.len() <= 70)
        .ok_or_else(|| bad("no boundary"))?;
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    // The first delimiter may stand at the very beginning, without a line end before it.
    let mut rest = match bytes.strip_prefix(&delimiter[2..]) {
        Some(rest) => rest,
        None => {
            let at = find(bytes, &delimiter).ok_or_else(|| bad("the boundary never comes"))?;
            &bytes[at + delimiter.len()..]
        }
    };
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    loop {
        if rest.starts_with(b"--") {
            return Ok(BodyView::Multipart { fields, files });
        }
        rest = rest
            .strip_prefix(b"\r\n")
            .ok_or_else(|| bad("no line end after the boundary"))?;
        let window = &rest[..rest.len().min(LONGEST_HEAD)];
        let head_end = find(window, b"\r\n\r\n").ok_or_else(|| bad("a part without header"))?;
        let head =
            std::str::from_utf8(&rest[..head_end]).map_err(|_| bad("a header is no UTF-8"))?;
        let body = &rest[head_end + 4..];
        let end = find(body, &delimiter).ok_or_else(|| bad("the last boundary is missing"))?;
        if fields.len() + files.len() >= MOST_PARAMS {
            return Err(bad("more than 1,000 parts"));
        }
        let part = Part::read(head)?;
        match part.file {
            Some(name) => files.push(File {
                field: part.field,
                name,
            }),
            None => fields.push((
                part.field,
                String::from_utf8_lossy(&body[..end]).into_owned(),
            )),
        }
        rest = &body[end + delimiter.len()..];
    }
}

struct Part {
    field: String,
    file: Option<String>,
}

impl Part {
    fn read(head: &str) -> Result<Self, Malformed> {
        let mut dispositions = head.split("\r\n").filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case("content-disposition")
                .then_some(value)
        });
        let disposition = dispositions
            .next()
            .ok_or_else(|| bad("a part without content-disposition"))?;
        if dispositions.next().is_some() {
            return Err(bad("a part with two content-dispositions"));
        }
        let extended = parameter(disposition, "filename*").map(|value| {
            let encoded = value.rsplit('\'').next().unwrap_or_default().to_owned();
            percent_encoding::percent_decode_str(&encoded)
                .decode_utf8_lossy()
                .into_owned()
        });
        let plain = parameter(disposition, "filename");
        // Two names for one file: servers differ in which they take.
        if let (Some(plain), Some(extended)) = (&plain, &extended)
            && plain != extended
        {
            return Err(bad("a file with two names"));
        }
        Ok(Self {
            field: parameter(disposition, "name").ok_or_else(|| bad("a part without name"))?,
            file: extended.or(plain),
        })
    }
}

/// A parameter of a header value, quoted or not.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_start_matches([' ', '\t', ';']).trim();
        let after = after.trim_start();
        let (text, left) = if let Some(quoted) = after.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].trim().to_owned(), &after[end..])
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = left;
    }
}

fn unquote(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, &text[at + 1..])),
            // Browsers escape only the quote; a backslash in a Windows path is itself.
            '\\' if text[at + 1..].starts_with('"') => {
                letters.next();
                out.push('"');
            }
            other => out.push(other),
        }
    }
    None
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

fn bad(problem: &str) -> Malformed {
    Malformed::Body(format!("multipart: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"xyz\"";

    #[test]
    fn fields_and_file_names_are_read() {
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"combo\"\r\n\r\na.php\r\n--xyz\r\n\
            content-disposition: form-data; name=\"xfile\"; filename=\"x\\\".jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\
            \xff\xd8\r\n--xyz--\r\n";
        let view = read(TYPE, body).unwrap();
        assert_eq!(view.form(), [("combo".to_owned(), "a.php".to_owned())]);
        assert_eq!(view.files()[0].name, "x\".jpg");
        assert_eq!(view.files()[0].field, "xfile");
    }

    #[test]
    fn a_form_cut_off_or_with_two_names_is_refused() {
        assert!(
            read(
                TYPE,
                b"--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1"
            )
            .is_err()
        );
        assert!(read("multipart/form-data", b"--xyz--").is_err());
        let two = b"--xyz\r\nContent-Disposition: form-data; name=a; filename=\"a.jpg\"; filename*=UTF-8''a.php\r\n\r\n1\r\n--xyz--";
        assert!(read(TYPE, two).is_err());
    }
}
