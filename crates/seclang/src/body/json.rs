//! JSON to pairs: `{"a":{"b":[1]}}` is `json.a.b.array_0=1`, and the array itself `json.a.b=1`, its length.
//!
//! Strict in form, as upstream parsers are, but forgiving about bytes that are no UTF-8: those are the attacker's to hide behind.

use super::{BodyFault, Pairs};

/// Takes JSON apart. Several documents, one after the other, are read as NDJSON is.
pub(crate) fn json(text: &[u8], depth: usize, limit: usize) -> (Pairs, Option<BodyFault>) {
    let mut reader = Reader {
        text,
        at: 0,
        out: Vec::new(),
        path: b"json".to_vec(),
        depth,
        limit,
    };
    let text = text.strip_prefix(b"\xef\xbb\xbf").map_or(text, |rest| {
        reader.at = 3;
        rest
    });
    if text.trim_ascii().is_empty() {
        return (Vec::new(), None);
    }
    loop {
        if let Err(fault) = reader.value(0) {
            return (reader.out, Some(fault));
        }
        reader.blank();
        if reader.at == reader.text.len() {
            return (reader.out, None);
        }
    }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    out: Pairs,
    path: Vec<u8>,
    depth: usize,
    limit: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<(), BodyFault> {
        if depth > self.depth {
            return Err(BodyFault {
                limit: true,
                ..BodyFault::error("JSON depth limit exceeded")
            });
        }
        self.blank();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let text = self.string()?;
                self.emit(text)
            }
            Some(b'-' | b'0'..=b'9') => {
                let from = self.at;
                while matches!(
                    self.peek(),
                    Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E')
                ) {
                    self.at += 1;
                }
                let text = &self.text[from..self.at];
                if !is_number(text) {
                    return Err(self.fault("invalid number"));
                }
                self.emit(text.to_vec())
            }
            _ => {
                for (word, value) in [
                    (&b"true"[..], &b"true"[..]),
                    (b"false", b"false"),
                    (b"null", b""),
                ] {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return self.emit(value.to_vec());
                    }
                }
                Err(self.fault("unexpected character"))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), BodyFault> {
        self.at += 1;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return Err(self.fault("expected a name"));
            }
            let name = self.string()?;
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.fault("expected `:`"));
            }
            self.at += 1;
            let back = self.descend(&name)?;
            self.value(depth + 1)?;
            self.path.truncate(back);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.fault("expected `,` or `}`")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), BodyFault> {
        self.at += 1;
        self.blank();
        let slot = self.out.len();
        self.emit(b"0".to_vec())?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for index in 0usize.. {
            let back = self.descend(format!("array_{index}").as_bytes())?;
            self.value(depth + 1)?;
            self.path.truncate(back);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    self.out[slot].1 = (index + 1).to_string().into_bytes();
                    return Ok(());
                }
                _ => return Err(self.fault("expected `,` or `]`")),
            }
        }
        Ok(())
    }

    /// Extends the path by one step; returns its length before.
    fn descend(&mut self, name: &[u8]) -> Result<usize, BodyFault> {
        let back = self.path.len();
        if back + name.len() > MAX_PATH {
            return Err(BodyFault {
                limit: true,
                ..BodyFault::error("JSON names are too long")
            });
        }
        self.path.push(b'.');
        self.path.extend_from_slice(name);
        Ok(back)
    }

    fn string(&mut self) -> Result<Vec<u8>, BodyFault> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let b = self
                .peek()
                .ok_or_else(|| self.fault("a string is never closed"))?;
            self.at += 1;
            match b {
                b'"' => return Ok(out),
                b'\\' => self.escape(&mut out)?,
                0..=0x1f => return Err(self.fault("control character in a string")),
                b => out.push(b),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), BodyFault> {
        let b = self
            .peek()
            .ok_or_else(|| self.fault("a string is never closed"))?;
        self.at += 1;
        match b {
            b'"' | b'\\' | b'/' => out.push(b),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let mut code = self.hex4()?;
                if (0xd800..0xdc00).contains(&code) && self.text[self.at..].starts_with(b"\\u") {
                    let back = self.at;
                    self.at += 2;
                    let low = self.hex4()?;
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    } else {
                        self.at = back;
                    }
                }
                let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return Err(self.fault("unknown escape in a string")),
        }
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32, BodyFault> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .and_then(|d| std::str::from_utf8(d).ok());
        let code = digits
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u32::from_str_radix(d, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.fault("invalid \\u escape"))
    }

    fn emit(&mut self, value: Vec<u8>) -> Result<(), BodyFault> {
        if self.out.len() >= self.limit {
            return Err(BodyFault::over("JSON arguments limit exceeded", self.limit));
        }
        self.out.push((self.path.clone(), value));
        Ok(())
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn fault(&self, what: &str) -> BodyFault {
        BodyFault::error(format!("JSON parsing error: {what} at byte {}", self.at))
    }
}

fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let digits = |t: &[u8]| t.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(tail) = rest.strip_prefix(b".") {
        let n = digits(tail);
        if n == 0 {
            return false;
        }
        rest = &tail[n..];
    }
    if let [b'e' | b'E', tail @ ..] = rest {
        let tail = tail
            .strip_prefix(b"+")
            .or_else(|| tail.strip_prefix(b"-"))
            .unwrap_or(tail);
        let n = digits(tail);
        return n > 0 && n == tail.len();
    }
    rest.is_empty()
}

/// The name of a value is no longer than this.
const MAX_PATH: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<(String, String)> {
        let (pairs, fault) = json(text.as_bytes(), 16, 100);
        assert_eq!(fault, None, "{text}");
        pairs
            .into_iter()
            .map(|(n, v)| (String::from_utf8(n).unwrap(), String::from_utf8(v).unwrap()))
            .collect()
    }

    #[test]
    fn names_and_escapes() {
        let pairs = flat(r#"{"a":{"b":[1,"\u4e2d\ud83d\ude00\n"]},"c":null,"d":true,"a":-1.5e3}"#);
        assert_eq!(pairs[0], ("json.a.b".into(), "2".into()));
        assert_eq!(pairs[1], ("json.a.b.array_0".into(), "1".into()));
        assert_eq!(pairs[2].1, "中😀\n");
        assert_eq!(pairs[5], ("json.a".into(), "-1.5e3".into()));
        assert_eq!(flat("{\"a\":1}\n{\"a\":2}").len(), 2);
    }

    #[test]
    fn faults() {
        for text in [
            "{",
            "{\"a\"}",
            "[1,]",
            "\"a",
            "01",
            "{\"a\":1}x",
            "\"\\q\"",
            "\"\\u12g4\"",
            "nul",
            "[\"\u{1}\"]",
            "-",
            "1.",
            "1e",
        ] {
            assert!(json(text.as_bytes(), 16, 100).1.is_some(), "{text}");
        }
        assert!(
            json("[".repeat(100_000).as_bytes(), 16, 100)
                .1
                .unwrap()
                .limit
        );
        assert!(json(b"[1,2,3]", 16, 2).1.unwrap().limit);
    }

    proptest::proptest! {
        /// What a strict parser accepts, this one accepts, with the same texts.
        #[test]
        fn agrees_with_serde(text in r#"[\[\]{}:,"a-c0-9\\u \n.eE+-]{0,24}"#) {
            let strict = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            let (_, fault) = json(text.as_bytes(), 100, 1000);
            if strict {
                proptest::prop_assert!(fault.is_none() || text.contains("\\u"), "{text}: {fault:?}");
            }
        }
    }
}
