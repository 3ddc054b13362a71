//! Each format, and what is refused in it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader, Read};

use hudun_event::{Class, Counts, Format, Item, Limits, Mapping, Reader, Reason, Record, Value};

struct Read_ {
    events: Vec<Record>,
    refused: Vec<(u64, Reason, Vec<u8>)>,
    counts: Counts,
}

fn drain(mut reader: Reader<impl BufRead>) -> Read_ {
    let (mut events, mut refused) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Event(record) => events.push(record.clone()),
            Item::Refused {
                number,
                reason,
                raw,
            } => refused.push((number, reason, raw.to_vec())),
        }
    }
    Read_ {
        events,
        refused,
        counts: reader.counts().clone(),
    }
}

fn read(input: &[u8], format: Format) -> Read_ {
    // A small buffer, so that everything crosses its edges.
    let input = BufReader::with_capacity(7, input);
    drain(Reader::new(input, format, Limits::default()))
}

fn text<'r>(record: &'r Record, path: &str) -> &'r str {
    match record.get(path) {
        Some(Value::Text(text)) => text,
        other => panic!("{path} is {other:?} in {:?}", record.to_json()),
    }
}

#[test]
fn json_lines_keep_their_names_flat_and_nested() {
    let line = br#"{"time":"2026-01-05T10:00:00Z","actor":{"user":{"uid":"u"}},"a.b":[1,{"c":null},2.5],"big":18446744073709551615,"ok":true,"metadata":{"uid":"m-1","tenant_uid":"shop"}}"#;
    let read = read(line, Format::Json);
    let event = &read.events[0];
    assert_eq!(event.time(), Some(1_767_607_200_000));
    assert_eq!((event.tenant(), event.id()), ("shop", Some("m-1")));
    assert_eq!(text(event, "actor.user.uid"), "u");
    let below: Vec<_> = event
        .fields()
        .filter(|(name, _)| name.starts_with("a."))
        .collect();
    assert_eq!(
        below,
        [
            ("a.b", Value::List),
            ("a.b", Value::Int(1)),
            ("a.b", Value::Object),
            ("a.b.c", Value::Null),
            ("a.b", Value::Float(2.5)),
        ]
    );
    assert_eq!(
        event.get("big"),
        Some(Value::Float(18_446_744_073_709_551_615.0))
    );
    assert_eq!(event.get("ok"), Some(Value::Bool(true)));
}

#[test]
fn what_is_no_event_is_kept_counted_and_passed_over() {
    let mut input = br#"{"a":1,"time":"2026-01-05T10:00:00Z"}"#.to_vec();
    input.push(b'\n');
    input.extend(std::iter::repeat_n(b'x', 3 << 20));
    input.push(b'\n');
    input.extend("[".repeat(10_000).bytes());
    input.extend(b"\n\xff\xfe\n{\"half\":\n[1]\n\n{\"k\":\"\xff\"}\n{\"b\":2}");
    let read = read(&input, Format::Json);
    assert_eq!(read.events.len(), 2);
    assert_eq!(read.events[1].number(), 9);
    let reasons: Vec<_> = read
        .refused
        .iter()
        .map(|(number, reason, raw)| (*number, reason.name(), raw.len()))
        .collect();
    assert_eq!(
        reasons,
        [
            (2, "too_long", 4096),
            (3, "not_json", 4096),
            (4, "not_utf8", 2),
            (5, "not_json", 8),
            (6, "not_an_object", 3),
            (8, "not_utf8", 9),
        ]
    );
    assert_eq!(read.counts.lines, 9);
    assert_eq!(read.counts.refused(), 6);
    assert_eq!(read.counts.without_time, 1);
}

/// A line of a gigabyte that nobody holds.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = into
            .len()
            .min(usize::try_from(self.0).unwrap_or(usize::MAX));
        into[..size].fill(b'y');
        self.0 -= size as u64;
        Ok(size)
    }
}

#[test]
fn a_line_of_a_gigabyte_neither_fills_memory_nor_stops_the_file() {
    for format in [Format::Json, Format::Syslog] {
        let good: &[u8] = match format {
            Format::Syslog => b"\n<34>1 - h a - - - after\n",
            _ => b"\n{\"message\":\"after\"}\n",
        };
        let input = BufReader::with_capacity(1 << 16, Endless(1 << 30).chain(good));
        let before = resident();
        let read = drain(Reader::new(input, format, Limits::default()));
        let grown = resident().saturating_sub(before);
        assert_eq!(read.refused[0].1, Reason::TooLong);
        assert_eq!(text(&read.events[0], "message"), "after");
        assert!(grown < 64 << 10, "{grown} KiB more");
    }
}

/// The process's memory in KiB, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

#[test]
fn names_that_grow_with_depth_are_bounded_and_counted() {
    let key = "k".repeat(9_000);
    let mut line = String::new();
    for _ in 0..60 {
        line.push_str(&format!("{{\"{key}\":"));
    }
    line.push('{');
    for n in 0..20_000 {
        line.push_str(&format!("\"{n}\":1,"));
    }
    line.push_str("\"z\":1}");
    line.push_str(&"}".repeat(60));
    let long = read(line.as_bytes(), Format::Json);
    assert_eq!(long.events.len(), 1);
    // The objects on the way and every value at the end.
    assert_eq!(long.counts.values_left_out, 60 + 20_001);
    let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    let deep = read(deep.as_bytes(), Format::Json);
    assert_eq!(deep.counts.values_left_out, 1);
}

#[test]
fn an_access_line_has_the_names_of_the_taxonomy() {
    let line = br#"10.0.0.7 - ann [05/Jan/2026:18:00:00 +0800] "GET /a/b?id=1%20or HTTP/1.1" 404 512 "-" "curl \"8\" \x22" "x""#;
    let read = read(line, Format::Combined);
    let event = &read.events[0];
    assert_eq!(text(event, "c-ip"), "10.0.0.7");
    assert_eq!(text(event, "cs-username"), "ann");
    assert_eq!(text(event, "cs-uri-stem"), "/a/b");
    assert_eq!(text(event, "cs-uri-query"), "id=1%20or");
    assert_eq!(text(event, "cs-user-agent"), "curl \"8\" \\x22");
    assert_eq!(event.get("sc-status"), Some(Value::Int(404)));
    assert_eq!(event.get("sc-bytes"), Some(Value::Int(512)));
    assert_eq!(event.time(), Some(1_767_607_200_000));
    assert_eq!(text(event, "message"), std::str::from_utf8(line).unwrap());
}

#[test]
fn lines_without_time_referrer_and_bytes_are_read_and_others_refused() {
    let lines = b"1.2.3.4 - - [x] \"\\x16\\x03\" 400 - \"-\" \"-\"\n1.2.3.4 - - [x] \"GET / HTTP/1.0\" 200 7\nGET / 200\n1.2.3.4 - - [x] \"GET /\" abc 1\n1.2.3.4 - - [x] \"GET /";
    let read = read(lines, Format::Combined);
    assert_eq!(read.events.len(), 2);
    assert_eq!(text(&read.events[0], "cs-method"), "\\x16\\x03");
    assert_eq!(read.events[0].get("sc-bytes"), None);
    assert_eq!(read.events[1].time(), None);
    assert_eq!(read.counts.refused["not_combined"], 3);
}

/// The examples of RFC 5424, section 6.5, and what may follow them.
#[test]
fn syslog_has_its_header_its_data_and_its_message() {
    let input = "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed for lonvick on /dev/pts/8\n\
        <165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.\n\
        <165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"App\\\"li\\]ca\\\\tion\\n\" eventID=\"1011\"][examplePriority@32473 class=\"high\"]\n\
        <14>1 - - crm - - - {\"user\":{\"id\":\"u-7\"},\"rows\":12,\"time\":1767607200,\"syslog\":{\"hostname\":\"forged\"}}\n";
    let read = read(input.as_bytes(), Format::Syslog);
    assert_eq!(read.refused, []);
    let [first, second, third, fourth] = &read.events[..] else {
        panic!("{} events", read.events.len())
    };
    assert_eq!(first.get("syslog.facility"), Some(Value::Int(4)));
    assert_eq!(first.get("syslog.severity"), Some(Value::Int(2)));
    assert_eq!(first.get("syslog.procid"), None);
    assert_eq!(text(first, "syslog.msgid"), "ID47");
    assert_eq!(
        text(first, "message"),
        "'su root' failed for lonvick on /dev/pts/8"
    );
    assert_eq!(first.time(), Some(1_065_910_455_003));
    assert_eq!(text(second, "syslog.hostname"), "192.0.2.1");
    assert_eq!(second.time(), Some(1_061_727_255_000));
    assert_eq!(
        text(third, "syslog.data.exampleSDID@32473.eventSource"),
        "App\"li]ca\\tion\\n"
    );
    assert_eq!(
        text(third, "syslog.data.examplePriority@32473.class"),
        "high"
    );
    assert_eq!(text(third, "message"), "");
    assert_eq!(text(fourth, "user.id"), "u-7");
    assert_eq!(fourth.get("rows"), Some(Value::Int(12)));
    assert_eq!(fourth.time(), Some(1_767_607_200_000));
    // What only the sender's header says can't be said by the message.
    assert_eq!(fourth.get("syslog.hostname"), None);
    assert!(text(fourth, "message").starts_with('{'));
    assert_eq!(read.counts.values_left_out, 2);
}

#[test]
fn syslog_tells_which_part_is_wrong() {
    for (line, part) in [
        ("34>1 - h a - - -", "PRI"),
        ("<192>1 - h a - - -", "PRI"),
        ("<+1>1 - h a - - -", "PRI"),
        ("<34>2 - h a - - -", "VERSION"),
        ("<34>Oct 11 22:14:15 host su: old form", "VERSION"),
        ("<34>1 yesterday h a - - -", "TIMESTAMP"),
        ("<34>1 -", "TIMESTAMP"),
        ("<34>1 -  a - - -", "HOSTNAME"),
        ("<34>1 - h a - -", "MSGID"),
        ("<34>1 - h a - - [x", "STRUCTURED-DATA"),
        ("<34>1 - h a - - [x y=z] m", "STRUCTURED-DATA"),
        ("<34>1 - h a - - [x y=\"z] m", "STRUCTURED-DATA"),
        ("<34>1 - h a - - -m", "STRUCTURED-DATA"),
    ] {
        let read = read(line.as_bytes(), Format::Syslog);
        assert_eq!(read.refused[0].1, Reason::Syslog { part }, "{line}");
        assert_eq!(read.refused[0].2, line.as_bytes());
    }
}

#[test]
fn a_message_in_another_encoding_is_mended_and_counted() {
    let mut line = b"<34>1 - h a - - - ".to_vec();
    line.extend(b"\xd6\xd0\xce\xc4");
    let read = read(&line, Format::Syslog);
    assert!(text(&read.events[0], "message").contains('\u{fffd}'));
    assert_eq!(read.counts.not_utf8_mended, 1);
}

fn counted(messages: &[&str]) -> Vec<u8> {
    messages
        .iter()
        .flat_map(|message| format!("{} {message}", message.len()).into_bytes())
        .collect()
}

#[test]
fn counted_messages_may_hold_line_feeds() {
    let messages = [
        "<34>1 - h a - - - one\ntwo",
        "<34>1 - h a - - - 三",
        "<34>1 - h a - - -",
    ];
    let read_ = read(&counted(&messages), Format::Syslog);
    let found: Vec<_> = read_
        .events
        .iter()
        .map(|event| text(event, "message"))
        .collect();
    assert_eq!(found, ["one\ntwo", "三", ""]);
    // Between them a line feed, and at the end a message by lines.
    let mut mixed = counted(&messages[..1]);
    mixed.push(b'\n');
    mixed.extend(counted(&messages[1..]));
    mixed.extend(b"<34>1 - h a - - - by line\n");
    let read_ = read(&mixed, Format::Syslog);
    assert_eq!(read_.refused, []);
    assert_eq!(read_.events.len(), 4);
}

#[test]
fn a_wrong_count_costs_no_message() {
    let messages = [
        "<34>1 - h a - - - first",
        "<34>1 - h a - - - port 22",
        "<34>1 - h a - - - last",
    ];
    let whole = counted(&messages);
    let second = messages[0].len() + 3;
    for wrong in ["1", "24", "26", "40", "60", "999", "9999999", "88888888"] {
        let mut input = whole.clone();
        input.splice(second..second + 2, wrong.bytes());
        let read = read(&input, Format::Syslog);
        let found: Vec<_> = read
            .events
            .iter()
            .map(|event| text(event, "message"))
            .collect();
        assert!(
            matches!(found[..], ["first", second, "last"] if second.starts_with("port")),
            "{wrong}: {found:?}"
        );
        assert!(read.counts.octet_counts_mended > 0, "{wrong}");
    }
}

#[test]
fn a_line_that_begins_with_digits_is_a_line_where_lines_are() {
    let input = b"<34>1 - h a - - - first\n12 <34>1 - h a - - - x\n<34>1 - h a - - - last\n";
    let read = read(input, Format::Syslog);
    assert_eq!(read.events.len(), 2);
    assert_eq!(read.refused[0].0, 2);
    assert_eq!(read.refused[0].1, Reason::Syslog { part: "PRI" });
}

#[test]
fn broken_counts_cannot_make_every_byte_cost_a_message() {
    let input = b"999999 <1>1 ".repeat(200_000);
    let began = std::time::Instant::now();
    let read = read(&input, Format::Syslog);
    assert_eq!(read.counts.lines, 200_000);
    // Without the bound it would be 200,000 times a megabyte.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn the_journal_is_read_with_bytes_and_bodies() {
    let line = br#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1767607200000123","_HOSTNAME":"crm-1","PRIORITY":"6","MESSAGE":[123,34,117,34,58,34,228,184,173,34,44,34,95,72,79,83,84,78,65,77,69,34,58,34,120,34,125],"EMPTY":null,"TWICE":["a","b"],"RAW":[255,1]}"#;
    let read = read(line, Format::Journald);
    let event = &read.events[0];
    assert_eq!(event.time(), Some(1_767_607_200_000));
    assert_eq!(event.id(), Some("s=1"));
    assert_eq!(
        text(event, "MESSAGE"),
        "{\"u\":\"\u{4e2d}\",\"_HOSTNAME\":\"x\"}"
    );
    assert_eq!(text(event, "u"), "\u{4e2d}");
    let hosts: Vec<_> = event
        .fields()
        .filter(|(name, _)| *name == "_HOSTNAME")
        .collect();
    assert_eq!(hosts, [("_HOSTNAME", Value::Text("crm-1"))]);
    let twice: Vec<_> = event
        .fields()
        .filter(|(name, _)| *name == "TWICE")
        .collect();
    assert_eq!(twice.len(), 3);
    assert_eq!(text(event, "RAW"), "\u{fffd}\u{1}");
    assert_eq!(
        (read.counts.values_left_out, read.counts.not_utf8_mended),
        (1, 1)
    );
}

#[test]
fn other_json_is_not_the_journal() {
    let read = read(b"{\"a\":1}\n", Format::Journald);
    assert_eq!(read.refused[0].1, Reason::Journald);
}

#[test]
fn an_ecs_login_becomes_an_authentication() {
    let line = br#"{"@timestamp":"2026-01-05T10:00:00Z","event":{"category":["session","authentication"],"outcome":"failure"},"user":{"id":"u"},"source":{"ip":"192.0.2.1","as":{"number":7}},"else":1}"#;
    let reader = Reader::new(&line[..], Format::Ecs, Limits::default())
        .with_mapping(Mapping::ecs().unwrap());
    let read = drain(reader);
    let record = &read.events[0];
    assert_eq!(record.get("else"), None);
    assert_eq!(record.time(), Some(1_767_607_200_000));
    let event = record.to_event().unwrap();
    assert_eq!(event.class(), Class::Authentication);
    assert_eq!(event.get("user.uid").unwrap(), "u");
    assert_eq!(event.get("status_id").unwrap(), 2);
    assert_eq!(
        event.get("src_endpoint.autonomous_system.number").unwrap(),
        7
    );
}

#[test]
fn each_subject_is_an_event_without_the_sums() {
    let line =
        br#"{"class_uid":6001,"scrm":{"subjects":["a","b"],"rows":2,"export":true,"module":"m"}}"#;
    let read = read(line, Format::Ocsf);
    let event = read.events[0].to_event().unwrap();
    let each: Vec<_> = event
        .per_subject()
        .map(|one| one.into_ocsf()["scrm"].clone())
        .collect();
    assert_eq!(
        each,
        [
            serde_json::json!({"module": "m", "subject": "a"}),
            serde_json::json!({"module": "m", "subject": "b"})
        ]
    );
}

/// Found by the property test: a line feed in the digits of a count made the message before it end at a line feed, and the
/// rest was taken for one long line.
#[test]
fn a_line_feed_within_a_count_turns_no_counted_messages_into_lines() {
    let counted = |n: usize| {
        let message = format!("<34>1 2003-10-11T22:14:15Z h app - - - good {n}");
        format!("{} {message}", message.len())
    };
    let text: String = (0..9).map(counted).collect();
    let at = counted(0).len() + 1;
    let damaged = format!("{}\n{}", &text[..at], &text[at + 1..]);
    let mut reader = Reader::new(damaged.as_bytes(), Format::Syslog, Limits::default());
    let mut read = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        if let Item::Event(record) = item {
            read.push(record.to_json()["message"].as_str().unwrap().to_owned());
        }
    }
    for number in 2..9 {
        assert!(
            read.contains(&format!("good {number}")),
            "{number} in {read:?}"
        );
    }
}
