//! CNNVD's XML (国家信息安全漏洞库): one `entry` a vulnerability.

use super::xml::{Node, each};
use super::{Note, Out, clean, nvd};
use crate::cpe::Cpe;
use crate::record::{Record, Source};

/// Most CPE names of a record.
const CPES: usize = 5_000;

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    each(bytes, "entry", out, |node, place, out| {
        let number = node.text_of("vuln-id").unwrap_or_default();
        if number.is_empty() {
            return out.refuse(place, "the record that begins there has no vuln-id");
        }
        let place = format!("{place}, {}", clean::line(number, 60));
        if !number.to_ascii_uppercase().starts_with("CNNVD-") {
            return out.refuse(place, "its number is none of CNNVD");
        }
        let record = record(&node, number, out);
        out.record(place, record);
    });
}

fn record(node: &Node, number: &str, out: &mut Out<'_>) -> Record {
    let text = |name: &str| node.text_of(name).unwrap_or_default().to_owned();
    let under = |name: &str| {
        let mut found = Vec::new();
        node.all(name, &mut found);
        found
    };
    let mut cpes: Vec<Cpe> = Vec::new();
    for product in under("product").into_iter().chain(under("cncpe")) {
        let text = product.text.trim();
        match text.parse::<Cpe>() {
            Ok(cpe) if cpes.len() < CPES => cpes.push(cpe),
            Ok(_) => out.note(Note::Products, 1),
            Err(_) if text.is_empty() => {}
            Err(_) => out.note(Note::Cpe, 1),
        }
    }
    Record {
        id: number.to_ascii_uppercase(),
        aliases: under("cve-id")
            .into_iter()
            .filter_map(|id| clean::cve(&id.text))
            .collect(),
        source: Source::Cnnvd,
        published: clean::time(node.text_of("published"), out),
        modified: clean::time(node.text_of("modified"), out),
        title: text("name"),
        summary: node
            .text_of("vuln-descript")
            .or_else(|| node.text_of("description"))
            .unwrap_or_default()
            .to_owned(),
        severity_word: node.text_of("severity").map(str::to_owned),
        references: under("ref-url")
            .into_iter()
            .map(|url| url.text.clone())
            .collect(),
        affected: nvd::plain(&cpes),
        remediation: text("vuln-solution"),
        ..Record::default()
    }
}
