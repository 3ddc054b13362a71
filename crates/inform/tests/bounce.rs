//! Reports of mail servers as they are really written, replies that are none, and what a hostile one may try.

#![allow(clippy::panic, clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hudun_inform::{LONGEST_MAIL, Returned, read_returned};

const NAME: &str = "0123456789abcdef01234567";

/// As Postfix writes it; `Auto-Submitted: auto-replied` and all.
fn postfix(action: &str, status: &str, returned: &str) -> String {
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.cn (Mail Delivery System)\r\nSubject: Undelivered Mail Returned to Sender\r\n\
         To: hudun@example.cn\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"0B3D91C2.1795420800/mx.example.cn\"\r\n\r\n\
         This is a MIME-encapsulated message.\r\n\r\n--0B3D91C2.1795420800/mx.example.cn\r\n\
         Content-Description: Notification\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry.\r\n\r\n\
         --0B3D91C2.1795420800/mx.example.cn\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.cn\r\nX-Postfix-Queue-ID: 0B3D91C2\r\nArrival-Date: Mon, 23 Nov 2026 19:00:00 +0800 (CST)\r\n\r\n\
         Final-Recipient: rfc822; li@example.cn\r\nOriginal-Recipient: rfc822;li@example.cn\r\nAction: {action}\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 <li@example.cn>: Recipient address\r\n    rejected\r\n\r\n\
         --0B3D91C2.1795420800/mx.example.cn\r\nContent-Type: {returned}\r\n\r\n\
         From: hudun@example.cn\r\nTo: li@example.cn\r\nMessage-ID:\r\n <{NAME}@example.cn>\r\nSubject: =?utf-8?b?5ZGK55+l?=\r\n\r\n\
         body\r\n--0B3D91C2.1795420800/mx.example.cn--\r\n"
    )
}

fn report(mail: &str) -> (Vec<String>, bool, String) {
    match read_returned(mail.as_bytes()) {
        Returned::Report(report) => (report.letters, report.given_up, report.status),
        other => panic!("{other:?}: {mail}"),
    }
}

#[test]
fn reports_are_read_whoever_wrote_them() {
    let mine = || vec![NAME.to_owned()];
    for returned in [
        "message/rfc822",
        "text/rfc822-headers",
        "message/global-headers",
    ] {
        let read = report(&postfix("failed", "5.1.1", returned));
        assert_eq!(read, (mine(), true, "5.1.1".to_owned()));
    }
    // The server goes on trying; it gave up after trying for days; it wrote no code.
    let read = report(&postfix("delayed", "4.4.1", "message/rfc822"));
    assert_eq!(read, (mine(), false, "4.4.1".to_owned()));
    let read = report(&postfix(
        "failed (gave up)",
        "4.4.7 (too old)",
        "message/rfc822",
    ));
    assert_eq!(read, (mine(), true, "4.4.7".to_owned()));
    let read = report(&postfix("Failed", "unknown", "message/rfc822"));
    assert_eq!(read, (mine(), true, "5.0.0".to_owned()));
    // Bare line feeds, as in a Maildir.
    let read = report(&postfix("failed", "5.2.2", "message/rfc822").replace("\r\n", "\n"));
    assert_eq!(read, (mine(), true, "5.2.2".to_owned()));
    // A gateway wrapped it once more.
    let inner = postfix("failed", "5.7.1", "message/rfc822");
    let wrapped = format!(
        "From: a@b\nContent-Type: multipart/mixed; boundary=outer\n\n--outer\n{inner}\n--outer--\n"
    );
    assert_eq!(report(&wrapped).2, "5.7.1");
    // The parts are encoded, the names of fields in capitals, nothing of the letter but an answer to it.
    let status =
        STANDARD.encode("Reporting-MTA: dns; x\r\n\r\nACTION: failed\r\nSTATUS: 5.4.1\r\n");
    let exchange = format!(
        "IN-REPLY-TO: <{NAME}@example.cn>\r\nCONTENT-TYPE: Multipart/Report; Boundary=x_1; report-type=delivery-status\r\n\r\n\
         --x_1\r\nContent-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n{status}\r\n--x_1--\r\n"
    );
    assert_eq!(report(&exchange), (mine(), true, "5.4.1".to_owned()));
    let quoted = postfix("failed", "5.1.2", "message/rfc822").replace(
        "Content-Type: message/delivery-status\r\n\r\n",
        "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
    );
    assert_eq!(
        report(&quoted.replace("Status: 5.1.2", "Status: =35.1=\r\n.2")).2,
        "5.1.2"
    );
    // Of several recipients the worst counts.
    let two = postfix("delivered", "2.0.0", "message/rfc822").replace(
        "\r\n\r\n--0B3D91C2.1795420800/mx.example.cn\r\nContent-Type: message/rfc822",
        "\r\n\r\nFinal-Recipient: rfc822; b@c\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--0B3D91C2.1795420800/mx.example.cn\r\nContent-Type: message/rfc822",
    );
    assert_eq!(report(&two), (mine(), true, "5.1.1".to_owned()));
}

#[test]
fn replies_are_no_reports() {
    let reply = |field: &str| {
        format!(
            "From: li@example.cn\r\nIn-Reply-To: <{NAME}@example.cn>\r\n{field}Subject: re\r\n\r\non leave until Monday\r\n"
        )
    };
    for field in [
        "Auto-Submitted: auto-replied (vacation)\r\n",
        "X-Autoreply: yes\r\n",
        "Precedence: auto_reply\r\n",
    ] {
        assert_eq!(
            read_returned(reply(field).as_bytes()),
            Returned::AutoReply,
            "{field}"
        );
    }
    assert_eq!(read_returned(reply("").as_bytes()), Returned::Other);
    assert_eq!(
        read_returned(reply("Auto-Submitted: no\r\n").as_bytes()),
        Returned::Other
    );
    let good = postfix("delivered", "2.1.5", "message/rfc822");
    assert_eq!(
        read_returned(good.as_bytes()),
        Returned::Other,
        "it arrived"
    );
    let read = postfix("failed", "5.1.1", "message/rfc822").replace(
        "message/delivery-status",
        "message/disposition-notification",
    );
    assert_eq!(
        read_returned(read.as_bytes()),
        Returned::Other,
        "a read receipt"
    );
}

#[test]
fn what_names_no_letter_is_said_to_be_unreadable() {
    for id in [
        "short@example.cn",
        "0123456789ABCDEF01234567@example.cn",
        "0123456789abcdef0123456789@example.cn",
    ] {
        let mail =
            postfix("failed", "5.1.1", "message/rfc822").replace(&format!("{NAME}@example.cn"), id);
        assert_eq!(read_returned(mail.as_bytes()), Returned::Unreadable, "{id}");
    }
    let silent =
        postfix("failed", "5.1.1", "message/rfc822").replace("Action: failed", "Action: pondered");
    assert_eq!(read_returned(silent.as_bytes()), Returned::Unreadable);
    let both = postfix("failed", "2.0.0", "message/rfc822");
    assert_eq!(
        read_returned(both.as_bytes()),
        Returned::Unreadable,
        "failed, and well"
    );
}

#[test]
fn a_hostile_mail_costs_little_and_breaks_nothing() {
    let mail = postfix("failed", "5.1.1", "message/rfc822").into_bytes();
    // Cut off anywhere, and any byte another.
    for at in 0..mail.len() {
        let _ = read_returned(&mail[..at]);
        for byte in [0, b'\n', b'-', b':', 0xff] {
            let mut bad = mail.clone();
            bad[at] = byte;
            let _ = read_returned(&bad);
        }
    }
    // A thousand multiparts in each other, each with the same boundary, and with boundaries of their own.
    let nested: String = (0..1_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"))
        .collect();
    assert_eq!(read_returned(nested.as_bytes()), Returned::Other);
    let same = "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(20_000);
    assert_eq!(read_returned(same.as_bytes()), Returned::Other);
    // A header without end, a line without end, parts without end, and more than is read.
    for hostile in [
        "X: y\n".repeat(400_000),
        "x".repeat(3 * LONGEST_MAIL),
        format!(
            "Content-Type: multipart/report; boundary=b\n\n{}",
            "--b\n".repeat(300_000)
        ),
        format!(
            "Content-Type: multipart/report; boundary=\"{}\n\n",
            "b".repeat(LONGEST_MAIL)
        ),
        format!(
            "{}{}",
            postfix("failed", "5.1.1", "message/rfc822"),
            "x".repeat(2 * LONGEST_MAIL)
        ),
    ] {
        let _ = read_returned(hostile.as_bytes());
    }
    let many = format!("<{NAME}@x> ").repeat(10_000);
    let ids = postfix("failed", "5.1.1", "message/rfc822")
        .replace(&format!("<{NAME}@example.cn>"), &many);
    assert_eq!(report(&ids).0, [NAME]);
}
