//! What the findings tell about cause and hole: two tongues, and two readers — the public and the authority.

use std::collections::BTreeSet;

use hudun_core::{Actor, Exchange, Finding};
use hudun_duty::{Cause, CauseKind, Text, Vulnerability};

/// Rules that say that somebody meant harm.
const ATTACKS: [&str; 8] = [
    "scrm.id-walk",
    "scrm.injection",
    "scrm.injection-success",
    "scrm.bulk-export",
    "scrm.brute-force",
    "scrm.credential-stuffing",
    "scrm.object-probing",
    "scrm.mass-read",
];

/// Clues that are listed at most.
const MAX_CLUES: usize = 50;

fn fired(findings: &[Finding], rules: &[&str]) -> bool {
    findings
        .iter()
        .any(|finding| rules.contains(&finding.rule.as_str()))
}

/// Whether the findings show an attack; unknown when they don't.
pub(crate) fn malicious(findings: &[Finding]) -> Option<bool> {
    fired(findings, &ATTACKS).then_some(true)
}

/// Cause, way and traces. `leaked` says whether data is known to have left.
pub(crate) fn cause(findings: &[Finding], leaked: bool) -> Cause {
    let outside = fired(
        findings,
        &[
            "scrm.new-network",
            "scrm.brute-force",
            "scrm.credential-stuffing",
        ],
    );
    let injected = fired(findings, &["scrm.injection", "scrm.injection-success"]);
    let kind = if injected || fired(findings, &["scrm.credential-stuffing", "scrm.brute-force"]) {
        Some(CauseKind::NetworkAttack)
    } else if fired(findings, &ATTACKS) {
        Some(CauseKind::DataSecurity)
    } else if findings.is_empty() {
        None
    } else {
        Some(CauseKind::Abnormal)
    };
    Cause {
        kind,
        text: for_persons(findings, outside),
        attack_path: path(findings),
        attacker_clues: clues(findings),
        external_access: outside.then_some(true),
        crime_suspected: (leaked && fired(findings, &ATTACKS)).then_some(true),
        order_disobeyed: None,
        ransom: None,
    }
}

/// Plain words without anything that helps to do it again.
fn for_persons(findings: &[Finding], outside: bool) -> Text {
    if findings.is_empty() {
        return Text::default();
    }
    let exported = fired(findings, &["scrm.bulk-export"]);
    let read = fired(
        findings,
        &["scrm.id-walk", "scrm.injection-success", "scrm.mass-read"],
    );
    let (zh, en) = match (read, exported) {
        (true, true) => (
            "越权查看并批量导出了客户资料",
            "viewed and exported customer data without permission",
        ),
        (true, false) => (
            "越权查看了客户资料",
            "viewed customer data without permission",
        ),
        (false, true) => ("批量导出了客户资料", "exported customer data in bulk"),
        (false, false) => (
            "异常访问了客户管理系统",
            "used the customer system in an unusual way",
        ),
    };
    if outside {
        Text::new(
            format!("有人盗用一名员工的账号，{zh}。"),
            format!("Somebody used a member of staff's account unlawfully and {en}."),
        )
    } else {
        Text::new(
            format!("有人使用一个员工账号，{zh}。"),
            format!("Somebody used a staff account and {en}."),
        )
    }
}

/// The way of the attack, step by step, for authorities only.
fn path(findings: &[Finding]) -> Text {
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| finding.triggered_at);
    let line = |finding: &Finding, title: &str, why: &str| {
        format!(
            "{} {title}（{}）：{why}",
            finding.triggered_at, finding.rule
        )
    };
    let zh: Vec<String> = ordered
        .iter()
        .take(MAX_CLUES)
        .map(|finding| line(finding, &finding.title.zh, &finding.why.zh))
        .collect();
    let en: Vec<String> = ordered
        .iter()
        .take(MAX_CLUES)
        .map(|finding| {
            let (at, rule) = (finding.triggered_at, &finding.rule);
            format!("{at} {} ({rule}): {}", finding.title.en, finding.why.en)
        })
        .collect();
    Text::new(zh.join("\n"), en.join("\n"))
}

fn clues(findings: &[Finding]) -> Vec<String> {
    let mut clues = BTreeSet::new();
    for finding in findings {
        let Actor {
            account,
            session,
            token,
            ip,
            ..
        } = &finding.actor;
        clues.extend(account.iter().map(|account| format!("账号 {account}")));
        clues.extend(
            session
                .iter()
                .map(|key| format!("会话 {}", short(key.as_str()))),
        );
        clues.extend(
            token
                .iter()
                .map(|key| format!("令牌 {}", short(key.as_str()))),
        );
        clues.insert(format!("IP {ip}"));
    }
    clues.into_iter().take(MAX_CLUES).collect()
}

/// Enough of a keyed name to find it in the record.
fn short(key: &str) -> String {
    let head: String = key.chars().take(12).collect();
    if head.len() < key.len() {
        format!("{head}…")
    } else {
        head
    }
}

/// The hole that the findings show, when they show one.
pub(crate) fn hole(
    findings: &[Finding],
    evidence: &[Exchange],
    product: &str,
) -> Option<Vulnerability> {
    let walked = fired(findings, &["scrm.id-walk"]);
    let injected = fired(findings, &["scrm.injection-success"]);
    if !walked && !injected {
        return None;
    }
    let ids: BTreeSet<&str> = findings
        .iter()
        .flat_map(|finding| &finding.tags)
        .map(String::as_str)
        .filter(|tag| {
            ["CWE-", "CVE-", "CNVD-", "CNNVD-"]
                .iter()
                .any(|of| tag.starts_with(of))
        })
        .collect();
    let shown: BTreeSet<hudun_core::ExchangeId> = findings
        .iter()
        .filter(|finding| finding.rule != "scrm.new-network")
        .flat_map(|finding| finding.evidence.iter().copied())
        .collect();
    let endpoints: BTreeSet<String> = evidence
        .iter()
        .filter(|exchange| shown.contains(&exchange.head.id) && !exchange.head.login)
        .map(|exchange| format!("{} {}", exchange.head.method, exchange.head.path))
        .collect();
    let mut zh = Vec::new();
    let mut en = Vec::new();
    if walked {
        zh.push("单个对象未校验归属，更换编号即可读取他人客户");
        en.push("single objects are not checked for ownership: changing the number reads other people's customers");
    }
    if injected {
        zh.push("查询参数未参数化，可注入 SQL");
        en.push("a query parameter is not bound and takes SQL");
    }
    Some(Vulnerability {
        exists: true,
        ids: ids.into_iter().map(str::to_owned).collect(),
        exploited: Some(true),
        product: product.to_owned(),
        traits: Text::new(zh.join("；"), en.join("; ")),
        endpoints: endpoints.into_iter().take(MAX_CLUES).collect(),
        ..Vulnerability::default()
    })
}
