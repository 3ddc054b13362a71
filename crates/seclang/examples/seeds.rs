//! Writes seeds for the fuzz targets, made from test data and from this project's own rules.
//!
//! `cargo run --release -p hudun-seclang --example seeds -- CRS_FOLDER OUT_FOLDER` (`scripts/fuzz-seclang` does it). One
//! folder a target, a dictionary of phrases, and `crs.conf`, which includes CRS at paranoia 4, detecting. The data is not
//! ours: it stays where it is written, under `target/`.

use std::collections::BTreeSet;
use std::path::Path;

use hudun_ftw::REGRESSION;
use hudun_seclang::raw::RawRequest;

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecArgumentsLimit 1000
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
"#;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [crs, out] = args.as_slice() else {
        return Err("usage: seeds CRS_FOLDER OUT_FOLDER".into());
    };
    let (crs, out) = (std::fs::canonicalize(crs)?, Path::new(out));
    let mut seeds = Seeds::default();
    for file in hudun_ftw::load(&crs.join("tests/regression/tests"))? {
        for stage in file.tests.iter().flatten().flat_map(|t| &t.stages) {
            seeds.take(&stage.input.bytes()?);
        }
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/waf");
    let mut words = BTreeSet::new();
    for folder in [&crs.join("rules"), &ours] {
        let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
        files.sort_by_key(std::fs::DirEntry::path);
        for file in files {
            let text = String::from_utf8_lossy(&std::fs::read(file.path())?).into_owned();
            match file.path().extension().and_then(|e| e.to_str()) {
                Some("conf") => seeds.take_rules(&text),
                Some("data") => words.extend(
                    text.lines()
                        .filter(|l| !l.starts_with('#') && (2..24).contains(&l.len()))
                        .step_by(12)
                        .map(str::to_owned),
                ),
                _ => {}
            }
        }
    }
    seeds.write(out)?;
    words.extend(SYNTAX.iter().map(|w| (*w).to_owned()));
    let lines = words.iter().map(|w| {
        let bytes: String = w.bytes().map(|b| format!("\\x{b:02x}")).collect();
        format!("\"{bytes}\"\n")
    });
    std::fs::write(out.join("words.dict"), lines.collect::<String>())?;
    let crs = crs.display();
    let rules = format!(
        "{ENGINE}{REGRESSION}Include {crs}/crs-setup.conf.example\nInclude {crs}/rules/*.conf\n"
    );
    std::fs::write(out.join("crs.conf"), rules)?;
    Ok(())
}

/// Seeds by target; each is kept once.
#[derive(Default)]
struct Seeds {
    rules: BTreeSet<Vec<u8>>,
    transform: BTreeSet<Vec<u8>>,
    body: BTreeSet<Vec<u8>>,
    judge: BTreeSet<Vec<u8>>,
    request: BTreeSet<Vec<u8>>,
}

impl Seeds {
    fn take(&mut self, bytes: &[u8]) {
        self.request.insert(bytes.to_vec());
        let Ok(request) = RawRequest::read(bytes) else {
            return;
        };
        let kind = request
            .header(b"content-type")
            .unwrap_or_default()
            .to_ascii_lowercase();
        // The numbers are the target's own: see `KINDS` in `fuzz_targets/body.rs`.
        let number = match kind.as_slice() {
            k if k.starts_with(b"multipart") => 1,
            k if memchr::memmem::find(k, b"json").is_some() => 3,
            k if memchr::memmem::find(k, b"xml").is_some() => 4,
            _ => 0,
        };
        let boundary = memchr::memmem::find(&kind, b"boundary=").map(|at| kind.len().min(at + 9));
        let mut body = request.body.clone();
        if let (1, Some(at)) = (number, boundary) {
            let original = request.header(b"content-type").unwrap_or_default();
            body = replaced(&body, original[at..].trim_ascii(), b"b");
        }
        if !body.is_empty() {
            self.body.insert([&[number, 128], body.as_slice()].concat());
        }
        let query = request.target.split(|b| *b == b'?').nth(1);
        let values = [query.unwrap_or_default(), &request.body];
        for value in values.iter().flat_map(|v| v.split(|b| *b == b'&')) {
            let value = value.splitn(2, |b| *b == b'=').last().unwrap_or_default();
            if !value.is_empty() {
                self.transform.insert([&[100], value].concat());
                self.judge.insert(decoded(value));
            }
        }
    }

    /// A rule with its chain is a seed.
    fn take_rules(&mut self, text: &str) {
        for block in text.split("\n\n") {
            let block: String = block
                .lines()
                .filter(|l| !l.starts_with('#'))
                .map(|l| l.to_owned() + "\n")
                .collect();
            if !block.trim().is_empty() {
                self.rules.insert(block.into_bytes());
            }
        }
    }

    fn write(&self, out: &Path) -> Result<(), Failure> {
        for (name, set) in [
            ("rules", &self.rules),
            ("transform", &self.transform),
            ("body", &self.body),
            ("judge", &self.judge),
            ("request", &self.request),
        ] {
            let folder = out.join("seeds").join(name);
            std::fs::create_dir_all(&folder)?;
            for (number, seed) in set.iter().enumerate() {
                std::fs::write(folder.join(format!("{number:05}")), seed)?;
            }
            println!("{name}: {} seeds", set.len());
        }
        Ok(())
    }
}

fn replaced(text: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let (false, Some(at)) = (what.is_empty(), memchr::memmem::find(rest, what)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// `%41+` as `A `.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |i: usize| text.get(i).and_then(|b| (*b as char).to_digit(16));
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            (b, ..) => out.push(b),
        }
        at += 1;
    }
    out
}

const SYNTAX: &[&str] = &[
    "SecRule ",
    "SecAction ",
    "ARGS",
    "ARGS_NAMES",
    "REQUEST_HEADERS:",
    "TX:/",
    "&ARGS",
    "!ARGS:",
    "XML:/*",
    "\"@rx ",
    "\"@pm ",
    "\"@detectSQLi\"",
    "\"id:1,",
    "phase:2,",
    "pass,",
    "deny,",
    "chain\"",
    "t:none,",
    "t:lowercase,",
    "multiMatch,",
    "capture,",
    "setvar:'tx.a=+1'",
    "%{MATCHED_VAR}",
    "%{TX.0}",
    "skipAfter:",
    "SecMarker ",
    "ctl:ruleRemoveById=",
    "ctl:ruleRemoveTargetById=",
    "SecRuleUpdateTargetById ",
    "SecDefaultAction ",
    "\\\n",
    "\r\n",
    "\r\n\r\n",
    "--b",
    "--b--",
    "Content-Disposition: form-data; name=\"",
    "filename=\"",
    "filename*=",
    "Content-Type: ",
    "Content-Length: ",
    "application/json",
    "text/xml",
    "multipart/form-data; boundary=",
    "<![CDATA[",
    "<!--",
    "]]>",
    "&#x",
    "&lt;",
    "%u00",
    "%00",
    "\\u00",
    "\\x",
    "/*",
    "*/",
    "{\"",
    "\":",
    "[{",
    "union select",
    "<script",
    "onerror=",
    "${jndi:",
    "$(",
    "../",
];
