//! Test data, the rule sets that tests run, and the HTTP server that stands before the engine.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod corpus;

use std::path::PathBuf;

use hudun_seclang::RuleSet;

/// The folder with public test data, when it is there.
pub fn data() -> Option<PathBuf> {
    let path = match std::env::var_os("HUDUN_TEST_DATA") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    if path.join("crs/rules").is_dir() {
        return Some(path);
    }
    assert!(
        std::env::var_os("HUDUN_TEST_DATA").is_none(),
        "HUDUN_TEST_DATA is set, but {} has no crs/rules",
        path.display()
    );
    eprintln!(
        "SKIPPED: no test data at {}; set HUDUN_TEST_DATA",
        path.display()
    );
    None
}

/// What a site sets before CRS: the recommended configuration of ModSecurity.
pub const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecRequestBodyLimitAction Reject
SecRequestBodyJsonDepthLimit 512
SecArgumentsLimit 1000
SecResponseBodyAccess On
SecResponseBodyMimeTypesClear
SecResponseBodyMimeType text/plain text/html text/xml application/json null
SecResponseBodyLimit 1048576
SecResponseBodyLimitAction ProcessPartial
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',logdata:'%{reqbody_error_msg}',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400,msg:'Multipart request body failed strict validation.'"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/[a-z0-9.-]+[+]json" "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
"#;

/// CRS as it is, with directives before it.
pub fn crs(before: &str) -> Option<RuleSet> {
    let data = data()?;
    let crs = data.join("crs");
    let set = RuleSet::builder()
        .text("engine.conf", ENGINE)
        .text("before.conf", before)
        .file(crs.join("crs-setup.conf.example").to_string_lossy())
        .glob(crs.join("rules/*.conf").to_string_lossy())
        .build();
    match set {
        Ok(set) => Some(set),
        Err(e) => panic!("CRS does not load: {e}"),
    }
}
