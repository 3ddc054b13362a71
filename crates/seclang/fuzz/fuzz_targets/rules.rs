//! Rule files of any content load or are refused; what loads judges a request the same both ways. No panic, no hang.
#![no_main]

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, MemorySources, RuleSet};
use hudun_seclang_fuzz::agree;
use libfuzzer_sys::fuzz_target;

const REQUEST: &[u8] =
    b"POST /a/b.php?id=1%27%20or%201=1&x=%3Cscript%3E HTTP/1.1\r\nHost: h\r\nCookie: s=1; t=${jndi:x}\r\n\
User-Agent: sqlmap\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nname=../../etc/passwd&note=a+b%00c&a=;cat%20x";

fuzz_target!(|text: &str| {
    let Ok(rules) = RuleSet::builder()
        .text("engine.conf", "SecRuleEngine On\nSecRequestBodyAccess On")
        .text("fuzz.conf", text)
        .build_from(&MemorySources::new())
    else {
        return;
    };
    let request = RawRequest::read(REQUEST).expect("the request is sound");
    agree(&rules, Judging::Exact, |t, _| {
        request.feed(t);
    });
});
