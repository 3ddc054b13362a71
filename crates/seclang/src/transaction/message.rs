//! The message as it arrives: request line, headers, bodies, response.

use super::{Entry, Processor, Transaction};
use crate::body::{self, BodyFault};
use crate::report::Intervention;
use crate::settings::{Mode, OverLimit};
use crate::variable::Var;

impl Transaction<'_> {
    /// The request line. `target` is the bytes between the blanks, `protocol` is like `HTTP/1.1`.
    pub fn request_line(&mut self, method: &[u8], target: &[u8], protocol: &[u8]) {
        let mut line = Vec::with_capacity(method.len() + target.len() + protocol.len() + 2);
        line.extend_from_slice(method);
        line.push(b' ');
        line.extend_from_slice(target);
        if !protocol.is_empty() {
            line.push(b' ');
            line.extend_from_slice(protocol);
        }
        self.single(Var::RequestLine, &line);
        self.single(Var::RequestMethod, method);
        self.single(Var::RequestProtocol, protocol);
        self.single(Var::RequestUriRaw, target);
        let local = without_authority(target);
        self.single(Var::RequestUri, local);
        let (path, query) = match memchr::memchr(b'?', local) {
            Some(at) => (&local[..at], &local[at + 1..]),
            None => (local, &b""[..]),
        };
        self.single(Var::QueryString, query);
        let decoded = percent_decoded(path);
        let path = decoded.as_slice();
        self.single(Var::RequestFilename, path);
        let base = path
            .iter()
            .rposition(|b| matches!(b, b'/' | b'\\'))
            .map_or(path, |at| &path[at + 1..]);
        self.single(Var::RequestBasename, base);
        let separator = self.rules.settings.argument_separator;
        let (args, fault) = body::urlencoded(query, separator, self.rules.settings.arguments_limit);
        for (name, value) in args {
            let entry = self.entry(&name, &value);
            self.args_get.push(entry);
        }
        self.body_fault(fault);
    }

    /// One request header.
    pub fn request_header(&mut self, name: &[u8], value: &[u8]) {
        if self.request_headers.len() >= MAX_HEADERS {
            self.limit("request headers");
            return;
        }
        let entry = self.entry(name, value);
        self.request_headers.push(entry);
        if name.eq_ignore_ascii_case(b"cookie") {
            for piece in value.split(|b| *b == b';') {
                let piece = piece.trim_ascii();
                if piece.is_empty() {
                    continue;
                }
                if self.cookies.len() >= self.rules.settings.arguments_limit {
                    self.limit("cookies");
                    break;
                }
                let (name, value) = match memchr::memchr(b'=', piece) {
                    Some(at) => (&piece[..at], &piece[at + 1..]),
                    None => (piece, &b""[..]),
                };
                let entry = self.entry(name.trim_ascii(), value.trim_ascii());
                self.cookies.push(entry);
            }
        } else if name.eq_ignore_ascii_case(b"host") {
            let host = value
                .iter()
                .rposition(|b| *b == b':')
                .filter(|at| value[at + 1..].iter().all(u8::is_ascii_digit));
            self.single(Var::ServerName, host.map_or(value, |at| &value[..at]));
        } else if name.eq_ignore_ascii_case(b"authorization") {
            let kind = value.split(|b| *b == b' ').next().unwrap_or_default();
            self.single(Var::AuthType, kind);
        }
    }

    /// All request headers are in: phase 1.
    pub fn request_headers_end(&mut self) -> Option<&Intervention> {
        let kind = self
            .header(b"content-type")
            .map(<[u8]>::to_ascii_lowercase)
            .unwrap_or_default();
        let processor = if kind.starts_with(b"application/x-www-form-urlencoded") {
            Some((Processor::UrlEncoded, &b"URLENCODED"[..]))
        } else if kind.starts_with(b"multipart/form-data") {
            Some((Processor::Multipart, &b"MULTIPART"[..]))
        } else {
            None
        };
        self.single(
            Var::ReqbodyProcessor,
            processor.map_or(b"", |(_, name)| name),
        );
        self.processor = processor.map(|(p, _)| p);
        self.run_phase(1);
        self.intervention.as_ref()
    }

    /// Whether the request body should be given to the transaction.
    pub fn wants_request_body(&self) -> bool {
        self.mode != Mode::Off && self.request_body_access
    }

    /// A piece of the request body.
    pub fn request_body(&mut self, piece: &[u8]) {
        if !self.wants_request_body() {
            return;
        }
        let room = self.request_body_limit.saturating_sub(self.body.len());
        if piece.len() > room {
            self.body_over = true;
        }
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// The request is complete: its body is read, phase 2 runs.
    pub fn request_end(&mut self) -> Option<&Intervention> {
        if self.intervention.is_some() {
            return self.intervention.as_ref();
        }
        if self.body_over {
            self.flag(Var::InboundDataError, true);
            self.limit("request body");
            if self.mode == Mode::On && self.rules.settings.request_body_over == OverLimit::Reject {
                self.refuse(413, "its body is longer than the limit");
                return self.intervention.as_ref();
            }
        }
        if self.request_body_access {
            self.read_body();
        }
        let sizes = |list: &[Entry], this: &Self| {
            list.iter()
                .map(|e| this.values.get(e.name).len() + this.values.get(e.value).len())
                .sum::<usize>()
        };
        let args = sizes(&self.args_get, self) + sizes(&self.args_post, self);
        self.single(Var::ArgsCombinedSize, args.to_string().as_bytes());
        self.run_phase(2);
        self.judge_shapes();
        self.judge_values();
        self.intervention.as_ref()
    }

    fn read_body(&mut self) {
        let body = std::mem::take(&mut self.body);
        self.single(Var::RequestBodyLength, body.len().to_string().as_bytes());
        if self.processor == Some(Processor::UrlEncoded) || self.force_body_variable {
            self.single(Var::RequestBody, &body);
        }
        let settings = &self.rules.settings;
        let no_files = settings.request_body_no_files_limit;
        if body.len() > no_files && self.processor != Some(Processor::Multipart) {
            self.body = body;
            self.limit("request body without files");
            self.body_fault(Some(BodyFault::error(
                "Request body (without files) is larger than the configured limit",
            )));
            return;
        }
        let limit = settings.arguments_limit;
        match self.processor {
            Some(Processor::UrlEncoded) => {
                let (args, fault) = body::urlencoded(&body, settings.argument_separator, limit);
                self.post_args(args);
                self.body_fault(fault);
            }
            Some(Processor::Json) => {
                let (args, fault) = body::json(&body, settings.json_depth_limit, limit);
                self.post_args(args);
                self.body_fault(fault);
            }
            Some(Processor::Xml) => {
                let document = body::xml(&body, limit);
                if !document.text.is_empty() {
                    let id = self.values.add(&document.text);
                    self.xml_text.push(id);
                }
                if !self.exact() {
                    for text in document.texts().take(limit) {
                        let id = self.values.add(text);
                        self.xml_texts.push(id);
                    }
                }
                for text in &document.attributes {
                    let id = self.values.add(text);
                    self.xml_attributes.push(id);
                }
                self.body_fault(document.fault);
            }
            Some(Processor::Multipart) => self.read_multipart(&body),
            None => {}
        }
        self.body = body;
    }

    fn read_multipart(&mut self, body: &[u8]) {
        let kind = self
            .header(b"content-type")
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        let settings = &self.rules.settings;
        let read = body::multipart(
            &kind,
            body,
            settings.arguments_limit,
            settings.upload_file_limit,
        );
        let mut files = 0;
        let mut fields = 0;
        for part in read.parts {
            for line in &part.headers {
                let entry = self.entry(&part.name, line);
                self.parts.headers.push(entry);
            }
            let entry = self.entry(&part.name, &part.name);
            self.parts.names.push(entry);
            match part.filename {
                Some(filename) => {
                    files += part.content.len();
                    let entry = self.entry(&part.name, &filename);
                    self.parts.files.push(entry);
                    let entry = self.entry(&part.name, &part.content);
                    self.parts.contents.push(entry);
                }
                None => {
                    fields += part.content.len();
                    let entry = self.entry(&part.name, &part.content);
                    self.args_post.push(entry);
                }
            }
        }
        self.single(Var::FilesCombinedSize, files.to_string().as_bytes());
        for var in read.flags {
            self.flag(var, true);
        }
        if fields > self.rules.settings.request_body_no_files_limit {
            self.limit("request body without files");
            self.body_fault(Some(BodyFault::error(
                "Request body (without files) is larger than the configured limit",
            )));
        }
        self.body_fault(read.fault);
    }

    fn post_args(&mut self, args: Vec<(Vec<u8>, Vec<u8>)>) {
        for (name, value) in args {
            let entry = self.entry(&name, &value);
            self.args_post.push(entry);
        }
    }

    fn body_fault(&mut self, fault: Option<BodyFault>) {
        let Some(fault) = fault else { return };
        if fault.bad_escape {
            self.flag(Var::UrlencodedError, true);
        }
        if fault.limit {
            self.limit("arguments");
        }
        if let Some(message) = fault.message {
            self.flag(Var::ReqbodyError, true);
            self.flag(Var::ReqbodyProcessorError, true);
            self.single(Var::ReqbodyErrorMsg, message.as_bytes());
            self.singles[Var::ReqbodyProcessorErrorMsg as usize] =
                self.singles[Var::ReqbodyErrorMsg as usize];
        }
    }

    /// The status line of the response.
    pub fn response_line(&mut self, protocol: &[u8], status: u16) {
        self.single(Var::ResponseProtocol, protocol);
        self.single(Var::ResponseStatus, status.to_string().as_bytes());
        self.single(
            Var::StatusLine,
            format!("{} {status}", String::from_utf8_lossy(protocol)).as_bytes(),
        );
    }

    /// One response header.
    pub fn response_header(&mut self, name: &[u8], value: &[u8]) {
        if self.response_headers.len() >= MAX_HEADERS {
            self.limit("response headers");
            return;
        }
        let entry = self.entry(name, value);
        self.response_headers.push(entry);
        if name.eq_ignore_ascii_case(b"content-type") {
            self.single(Var::ResponseContentType, value);
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.single(Var::ResponseContentLength, value);
        }
    }

    /// All response headers are in: phase 3.
    pub fn response_headers_end(&mut self) -> Option<&Intervention> {
        self.body = Vec::new();
        self.body_over = false;
        self.run_phase(3);
        self.intervention.as_ref()
    }

    /// Whether the response body should be given to the transaction.
    pub fn wants_response_body(&self) -> bool {
        if self.mode == Mode::Off || !self.response_body_access {
            return false;
        }
        let kind = self
            .values
            .get(self.singles[Var::ResponseContentType as usize]);
        let kind = kind
            .split(|b| *b == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii()
            .to_ascii_lowercase();
        let kinds = &self.rules.settings.response_mime_types;
        kinds
            .iter()
            .any(|k| k.as_bytes() == kind.as_slice() || (kind.is_empty() && k == "null"))
    }

    /// A piece of the response body.
    pub fn response_body(&mut self, piece: &[u8]) {
        if !self.wants_response_body() {
            return;
        }
        let room = self.response_body_limit.saturating_sub(self.body.len());
        if piece.len() > room {
            self.body_over = true;
        }
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// The response is complete: phase 4.
    pub fn response_end(&mut self) -> Option<&Intervention> {
        if self.intervention.is_some() {
            return self.intervention.as_ref();
        }
        if self.body_over {
            self.flag(Var::OutboundDataError, true);
            self.limit("response body");
            if self.mode == Mode::On && self.rules.settings.response_body_over == OverLimit::Reject
            {
                self.refuse(500, "the answer is longer than the limit");
                return self.intervention.as_ref();
            }
        }
        if self.wants_response_body() {
            let body = std::mem::take(&mut self.body);
            self.single(Var::ResponseBody, &body);
            if self.singles[Var::ResponseContentLength as usize] == 0 {
                self.single(
                    Var::ResponseContentLength,
                    body.len().to_string().as_bytes(),
                );
            }
        }
        self.run_phase(4);
        self.intervention.as_ref()
    }

    fn entry(&mut self, name: &[u8], value: &[u8]) -> Entry {
        Entry {
            name: self.values.add(name),
            value: self.values.add(value),
        }
    }

    fn header(&self, lower: &[u8]) -> Option<&[u8]> {
        let found = self
            .request_headers
            .iter()
            .find(|e| self.values.get(e.name).eq_ignore_ascii_case(lower));
        found.map(|e| self.values.get(e.value))
    }
}

/// A path as the upstream reads it; `+` is a plus there.
fn percent_decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        let digit = |i: usize| path.get(i).and_then(|b| (*b as char).to_digit(16));
        match (path[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            (b, ..) => {
                out.push(b);
                at += 1;
            }
        }
    }
    out
}

/// `http://host/path` without `http://host`.
fn without_authority(target: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(target, b"://") else {
        return target;
    };
    if target[..at].is_empty()
        || !target[..at]
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        return target;
    }
    let rest = &target[at + 3..];
    match rest.iter().position(|b| matches!(b, b'/' | b'?')) {
        Some(slash) => &rest[slash..],
        None => b"/",
    }
}

/// No message has more headers than this.
const MAX_HEADERS: usize = 1000;
