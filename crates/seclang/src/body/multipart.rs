//! `multipart/form-data`, read as leniently as the most lenient upstream, with a flag for every oddity.

use super::BodyFault;
use super::boundary::boundary;
use crate::variable::Var;

/// A body taken apart.
#[derive(Debug, Default)]
pub(crate) struct Multipart {
    pub(crate) parts: Vec<Part>,
    /// The `MULTIPART_…` variables that are 1.
    pub(crate) flags: Vec<Var>,
    pub(crate) fault: Option<BodyFault>,
}

/// One part.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) name: Vec<u8>,
    pub(crate) filename: Option<Vec<u8>>,
    /// Whole header lines.
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) content: Vec<u8>,
}

/// Takes a body apart.
pub(crate) fn multipart(
    content_type: &[u8],
    body: &[u8],
    part_limit: usize,
    file_limit: usize,
) -> Multipart {
    let mut out = Multipart::default();
    let boundary = match boundary(content_type, &mut out) {
        Ok(boundary) => boundary,
        Err(why) => {
            out.fault = Some(BodyFault::error(format!("Multipart parsing error: {why}")));
            return out;
        }
    };
    let mut reader = Reader {
        out,
        boundary,
        part: None,
        in_headers: false,
        closed: false,
        files: 0,
        crlf: false,
        lf: false,
    };
    let fault = reader.run(body, part_limit, file_limit);
    let mut out = reader.out;
    if let Some(mut fault) = fault {
        fault.message = fault
            .message
            .map(|m| format!("Multipart parsing error: {m}"));
        out.fault = Some(fault);
    }
    if out.flags.iter().any(|f| STRICT.contains(f)) {
        out.flags.push(Var::MultipartStrictError);
    }
    out
}

struct Reader {
    out: Multipart,
    boundary: Vec<u8>,
    part: Option<Part>,
    in_headers: bool,
    closed: bool,
    files: usize,
    crlf: bool,
    lf: bool,
}

impl Reader {
    fn run(&mut self, body: &[u8], part_limit: usize, file_limit: usize) -> Option<BodyFault> {
        let mut seen = false;
        for line in body.split_inclusive(|b| *b == b'\n') {
            let text = line
                .strip_suffix(b"\n")
                .map_or(line, |l| l.strip_suffix(b"\r").unwrap_or(l));
            if let Some(last) = self.is_boundary(text) {
                seen = true;
                self.close(file_limit);
                if self.out.parts.len() >= part_limit {
                    return Some(BodyFault::over("Multipart: too many parts", part_limit));
                }
                if self.closed {
                    self.flag(Var::MultipartDataAfter);
                }
                self.closed |= last;
                self.part = (!last).then(Part::default);
                self.in_headers = true;
                self.ending(line);
                continue;
            }
            if text.starts_with(b"--") && text.len() > 3 && !self.in_headers && self.part.is_none()
            {
                self.flag(Var::MultipartUnmatchedBoundary);
            }
            if self.part.is_none() {
                if !text.trim_ascii().is_empty() {
                    self.flag(if self.closed {
                        Var::MultipartDataAfter
                    } else {
                        Var::MultipartDataBefore
                    });
                }
                continue;
            }
            if self.in_headers {
                self.ending(line);
                if let Err(why) = self.header(text) {
                    return Some(BodyFault::error(why));
                }
            } else if let Some(part) = &mut self.part {
                part.content.extend_from_slice(line);
            }
        }
        let open = self.part.is_some();
        self.close(file_limit);
        if self.crlf && self.lf {
            self.flag(Var::MultipartCrlfLfLines);
        }
        if self.lf {
            self.flag(Var::MultipartLfLine);
        }
        match (seen, open || !self.closed) {
            (false, _) => Some(BodyFault::error(
                "Multipart: No boundaries found in payload.",
            )),
            (true, true) => Some(BodyFault::error("Multipart: Final boundary missing.")),
            _ => None,
        }
    }

    /// Some(true) for the last one.
    fn is_boundary(&self, text: &[u8]) -> Option<bool> {
        let rest = text
            .strip_prefix(b"--")?
            .strip_prefix(self.boundary.as_slice())?;
        match rest.trim_ascii_end() {
            b"" => Some(false),
            b"--" => Some(true),
            _ => None,
        }
    }

    fn ending(&mut self, line: &[u8]) {
        if line.ends_with(b"\r\n") {
            self.crlf = true;
        } else if line.ends_with(b"\n") {
            self.lf = true;
        }
    }

    fn header(&mut self, text: &[u8]) -> Result<(), String> {
        let Some(part) = &mut self.part else {
            return Ok(());
        };
        if text.is_empty() {
            self.in_headers = false;
            let lines = std::mem::take(&mut part.headers);
            for line in &lines {
                let Some(at) = memchr::memchr(b':', line) else {
                    continue;
                };
                if line[..at]
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"content-disposition")
                {
                    self.disposition(&line[at + 1..])?;
                }
            }
            let nameless = self.part.as_ref().is_some_and(|p| p.name.is_empty());
            if nameless {
                self.flag(Var::MultipartInvalidPart);
            }
            if let Some(part) = &mut self.part {
                part.headers = lines;
            }
            return Ok(());
        }
        if part.headers.len() >= MAX_HEADERS || text.len() > MAX_LINE {
            return Err("Multipart: Part headers too long.".to_owned());
        }
        if matches!(text[0], b' ' | b'\t')
            && let Some(last) = part.headers.last_mut()
        {
            last.push(b' ');
            last.extend_from_slice(text.trim_ascii());
            self.flag(Var::MultipartHeaderFolding);
            return Ok(());
        }
        part.headers.push(text.to_vec());
        let Some(at) = memchr::memchr(b':', text) else {
            return Err("Multipart: Invalid part header (colon missing).".to_owned());
        };
        if at == 0 || !text[..at].iter().all(u8::is_ascii_graphic) {
            self.flag(Var::MultipartInvalidPart);
        }
        Ok(())
    }

    fn disposition(&mut self, value: &[u8]) -> Result<(), String> {
        let mut rest = value.trim_ascii();
        let kind = rest.iter().position(|b| *b == b';').unwrap_or(rest.len());
        rest = &rest[kind..];
        let (mut names, mut filenames) = (0, 0);
        let mut extended = None;
        while let Some((_, tail)) = rest.split_first() {
            let tail = tail.trim_ascii_start();
            if tail.is_empty() {
                break;
            }
            let Some(eq) = memchr::memchr(b'=', tail) else {
                return Err("Multipart: Invalid Content-Disposition header.".to_owned());
            };
            let key = tail[..eq].trim_ascii().to_ascii_lowercase();
            let (value, used) = self.parameter(tail[eq + 1..].trim_ascii_start());
            let skipped = tail[eq + 1..].len() - tail[eq + 1..].trim_ascii_start().len();
            rest = tail[eq + 1 + skipped + used..].trim_ascii_start();
            if !rest.is_empty() && rest[0] != b';' {
                self.flag(Var::MultipartMissingSemicolon);
                // Read on as if one were there: put the cursor before the next parameter.
                let back = tail.len() - rest.len();
                rest = &tail[back.saturating_sub(1)..];
            }
            let Some(part) = &mut self.part else {
                return Ok(());
            };
            match key.as_slice() {
                b"name" => {
                    names += 1;
                    part.name = value;
                }
                b"filename" => {
                    filenames += 1;
                    part.filename = Some(value);
                }
                b"filename*" => extended = Some(value),
                _ => {}
            }
        }
        if names > 1 || filenames > 1 {
            return Err("Multipart: Duplicate name or filename in Content-Disposition.".to_owned());
        }
        if let (Some(value), Some(part)) = (extended, &mut self.part) {
            // charset'language'percent-encoded; where both forms stand, both must pass.
            let text = value.splitn(3, |b| *b == b'\'').last().unwrap_or_default();
            let (decoded, _) = super::urlencoded(text, 0, 1);
            let decoded = decoded
                .into_iter()
                .next()
                .map(|(n, _)| n)
                .unwrap_or_default();
            let both = match part.filename.take() {
                Some(plain) => [plain, decoded].join(&b'\n'),
                None => decoded,
            };
            part.filename = Some(both);
        }
        Ok(())
    }

    /// A parameter's value and the bytes that it takes.
    fn parameter(&mut self, text: &[u8]) -> (Vec<u8>, usize) {
        let mut out = Vec::new();
        match text.first() {
            Some(b'"') => {
                let mut at = 1;
                while let Some(b) = text.get(at) {
                    match b {
                        b'"' => return (out, at + 1),
                        b'\\' if matches!(text.get(at + 1), Some(b'"' | b'\\')) => {
                            at += 1;
                            out.push(text[at]);
                        }
                        b => out.push(*b),
                    }
                    at += 1;
                }
                self.flag(Var::MultipartInvalidQuoting);
                (out, at)
            }
            first => {
                if first == Some(&b'\'') {
                    self.flag(Var::MultipartInvalidQuoting);
                }
                let end = text.iter().position(|b| *b == b';').unwrap_or(text.len());
                (text[..end].trim_ascii_end().to_vec(), end)
            }
        }
    }

    fn close(&mut self, file_limit: usize) {
        let Some(mut part) = self.part.take() else {
            return;
        };
        if self.in_headers {
            self.flag(Var::MultipartInvalidPart);
        }
        let trimmed = part
            .content
            .strip_suffix(b"\n")
            .map(|c| c.strip_suffix(b"\r").unwrap_or(c).len());
        if let Some(len) = trimmed {
            part.content.truncate(len);
        }
        if part.filename.is_some() {
            self.files += 1;
            if self.files > file_limit {
                self.flag(Var::MultipartFileLimitExceeded);
            }
        }
        self.out.parts.push(part);
    }

    fn flag(&mut self, var: Var) {
        if !self.out.flags.contains(&var) {
            self.out.flags.push(var);
        }
    }
}

/// Any of these is a strict error.
const STRICT: &[Var] = &[
    Var::MultipartBoundaryWhitespace,
    Var::MultipartDataBefore,
    Var::MultipartDataAfter,
    Var::MultipartHeaderFolding,
    Var::MultipartLfLine,
    Var::MultipartMissingSemicolon,
    Var::MultipartInvalidQuoting,
    Var::MultipartInvalidPart,
    Var::MultipartInvalidHeaderFolding,
    Var::MultipartFileLimitExceeded,
];
/// A part has no more header lines than this, and none longer than that.
const MAX_HEADERS: usize = 64;
const MAX_LINE: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &[u8] = b"multipart/form-data; boundary=b";

    fn read(body: &str) -> Multipart {
        multipart(KIND, body.replace('\n', "\r\n").as_bytes(), 10, 2)
    }

    #[test]
    fn fields_and_files() {
        let out = read(
            "--b\nContent-Disposition: form-data; name=\"a\"\n\none\ntwo\n--b\nContent-Disposition: form-data; name=f; filename=\"x\\\".php\"\nContent-Type: text/plain\n\nfile\n--b--\n",
        );
        assert_eq!(out.fault, None);
        assert_eq!(out.flags, []);
        assert_eq!(out.parts[0].content, b"one\r\ntwo");
        assert_eq!(out.parts[1].filename.as_deref(), Some(&b"x\".php"[..]));
        assert_eq!(out.parts[1].name, b"f");
        assert_eq!(out.parts[1].headers.len(), 2);
    }

    #[test]
    fn oddities() {
        let cases = [
            (
                "x\n--b\nContent-Disposition: form-data; name=a\n\n1\n--b--\n",
                Var::MultipartDataBefore,
            ),
            (
                "--b\nContent-Disposition: form-data; name=a\n\n1\n--b--\nmore",
                Var::MultipartDataAfter,
            ),
            (
                "--b\nContent-Disposition: form-data;\n name=a\n\n1\n--b--\n",
                Var::MultipartHeaderFolding,
            ),
            (
                "--b\nContent-Disposition: form-data; name='a'\n\n1\n--b--\n",
                Var::MultipartInvalidQuoting,
            ),
            (
                "--b\nContent-Disposition: form-data; name=\"a\" filename=\"f\"\n\n1\n--b--\n",
                Var::MultipartMissingSemicolon,
            ),
            (
                "--b\nContent-Type: text/plain\n\n1\n--b--\n",
                Var::MultipartInvalidPart,
            ),
        ];
        for (body, flag) in cases {
            let out = read(body);
            assert!(
                out.flags.contains(&flag) && out.flags.contains(&Var::MultipartStrictError),
                "{body}: {:?}",
                out.flags
            );
        }
        assert_eq!(
            read(cases[4].0).parts[0].filename.as_deref(),
            Some(&b"f"[..])
        );
    }

    #[test]
    fn faults() {
        assert!(
            read("--b\nContent-Disposition: form-data; name=a\n\n1\n")
                .fault
                .is_some()
        );
        assert!(read("nothing").fault.is_some());
        assert!(read("--b\nno colon\n\n1\n--b--\n").fault.is_some());
        assert!(
            read("--b\nContent-Disposition: form-data; name=a; name=c\n\n1\n--b--\n")
                .fault
                .is_some()
        );
        assert!(multipart(b"multipart/form-data", b"", 1, 1).fault.is_some());
        let many = "--b\nContent-Disposition: form-data; name=a\n\n1\n".repeat(20);
        assert!(read(&many).fault.unwrap().limit);
    }

    #[test]
    fn both_forms_of_a_file_name_are_kept() {
        let out = read(
            "--b\nContent-Disposition: form-data; name=a; filename=\"a.txt\"; filename*=UTF-8''b%2ephp\n\n1\n--b--\n",
        );
        assert_eq!(out.parts[0].filename.as_deref(), Some(&b"a.txt\nb.php"[..]));
    }

    proptest::proptest! {
        #[test]
        fn never_fails_to_return(body in proptest::collection::vec(proptest::sample::select(b"-b\r\n :;=\"'anmefil\\".to_vec()), 0..200)) {
            let mut text = b"--b\r\nContent-Disposition: form-data".to_vec();
            text.extend(body);
            let _ = multipart(KIND, &text, 10, 2);
        }
    }
}
