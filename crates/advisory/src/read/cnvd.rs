//! CNVD's weekly XML (国家信息安全漏洞共享平台).

use super::span::{self, Stretch, everything, stretches};
use super::xml::{Node, each};
use super::{Note, Out, clean};
use crate::record::{Affected, Range, Record, Source, Status};

/// Most product texts of a record.
const PRODUCTS: usize = 5_000;

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    each(bytes, "vulnerability", out, |node, place, out| {
        let number = node.text_of("number").unwrap_or_default();
        if number.is_empty() {
            return out.refuse(place, "the record that begins there has no number");
        }
        let place = format!("{place}, {}", clean::line(number, 60));
        if !number.to_ascii_uppercase().starts_with("CNVD-") {
            return out.refuse(place, "its number is none of CNVD");
        }
        let record = record(&node, number, out);
        out.record(place, record);
    });
}

fn record(node: &Node, number: &str, out: &mut Out<'_>) -> Record {
    let text = |name: &str| node.text_of(name).unwrap_or_default().to_owned();
    let mut numbers = Vec::new();
    node.all("cveNumber", &mut numbers);
    let mut products = Vec::new();
    if let Some(list) = node.child("products") {
        list.all("product", &mut products);
    }
    let beyond = products.len().saturating_sub(PRODUCTS);
    out.note(Note::Products, beyond);
    products.truncate(PRODUCTS);
    let links = text("referenceLink");
    Record {
        id: number.to_ascii_uppercase(),
        aliases: numbers
            .into_iter()
            .flat_map(|number| number.text.split([',', ';', ' ', '，', '、', '\n']))
            .filter_map(clean::cve)
            .collect(),
        source: Source::Cnvd,
        published: clean::time(node.text_of("openTime"), out),
        modified: None,
        title: text("title"),
        summary: text("description"),
        // "serverity" is CNVD's own spelling.
        severity_word: node
            .text_of("serverity")
            .or_else(|| node.text_of("severity"))
            .map(str::to_owned),
        references: links
            .split(|c: char| c.is_whitespace() || c == ';' || c == '，')
            .filter(|link| link.contains("://"))
            .map(str::to_owned)
            .collect(),
        affected: products
            .into_iter()
            .filter(|product| !product.text.trim().is_empty())
            .map(|product| affected(&product.text, out))
            .collect(),
        remediation: text("formalWay"),
        patch: node.text_of("patchName").map(str::to_owned),
        ..Record::default()
    }
}

/// A product text: maker, product and versions in a row, as in `Moodle Moodle >=4.0.0，<4.0.5`.
fn affected(text: &str, out: &mut Out<'_>) -> Affected {
    let plain = span::fold(&clean::line(text, 500));
    let (name, tail) = split(plain.trim());
    let (vendor, product) = named(name);
    let mut affected = Affected {
        vendor,
        product,
        ..Affected::default()
    };
    // Without a number nobody knows which versions are meant; "all versions" has to be said.
    let found = if tail.is_empty() {
        None
    } else {
        stretches(tail)
    };
    let Some(found) = found else {
        out.note(Note::Version, 1);
        affected.ranges.push(Range::unreadable(plain.trim()));
        return affected;
    };
    for stretch in found {
        let version_type = dated(&stretch).then(|| "date".to_owned());
        match stretch {
            Stretch::One(version) => affected.versions.push(version),
            other => affected
                .ranges
                .push(other.range(Status::Affected, version_type, tail)),
        }
    }
    affected
}

/// Where the versions begin.
fn split(text: &str) -> (&str, &str) {
    let sign = text.find(['<', '>', '=']);
    let mut begin = sign.unwrap_or(text.len());
    // Words in front of the sign that belong to the versions: "6.5.*,<=6.5.4.17", "1.0 < 2.0".
    let mut seen_number = sign.is_some();
    loop {
        let front = text.get(..begin).unwrap_or_default().trim_end();
        let at = front.rfind(' ').map_or(0, |at| at + 1);
        let word = front.get(at..).unwrap_or_default();
        let bare = word.trim_end_matches([',', ';']);
        let number = is_number(bare);
        // With a sign behind it, only what a comma joins belongs to it: in "Windows 10 <1.2" the 10 is the product's.
        let joined = sign.is_none_or(|sign| begin != sign) || bare.len() != word.len();
        if at == 0 || word.is_empty() || !joined || !(number || is_tail_word(bare)) {
            break;
        }
        seen_number |= number;
        begin = at;
    }
    if !seen_number && !everything(text.get(begin..).unwrap_or_default()) {
        begin = text.len();
    }
    text.split_at_checked(begin).unwrap_or((text, ""))
}

/// A word that begins with a number, perhaps behind a `v`, and is a version, or a list or a stretch of them.
fn is_number(word: &str) -> bool {
    let bare = word.strip_prefix(['v', 'V']).unwrap_or(word);
    bare.starts_with(|c: char| c.is_ascii_digit()) && stretches(word).is_some()
}

/// A word that can stand in the row of versions.
fn is_tail_word(word: &str) -> bool {
    let lower = word.to_lowercase();
    matches!(
        lower.as_str(),
        "and" | "prior" | "earlier" | "to" | "-" | "all" | "versions" | "version" | "*"
    ) || everything(word)
        || (!word.is_empty() && word.is_ascii() && span::qualifies(word))
}

/// Whether a name says only what kind of thing it is: in `Pluck pluck CMS` the word before it belongs to the name.
fn is_kind(name: &str) -> bool {
    const KINDS: [&str; 20] = [
        "cms",
        "crm",
        "erp",
        "oa",
        "scrm",
        "bbs",
        "blog",
        "shop",
        "mail",
        "forum",
        "server",
        "client",
        "app",
        "portal",
        "gateway",
        "framework",
        "plugin",
        "system",
        "studio",
        "manager",
    ];
    KINDS.iter().any(|kind| name.eq_ignore_ascii_case(kind))
}

/// Maker and product. The maker is the first word, and is often said twice: `Apple  Apple iOS`.
fn named(name: &str) -> (String, String) {
    let name = name.trim().trim_end_matches([',', ';', ':']).trim();
    let Some((vendor, rest)) = name.split_once(' ') else {
        return (String::new(), name.to_owned());
    };
    let rest = rest.trim();
    let again = rest
        .split_once(' ')
        .filter(|(first, _)| first.to_lowercase() == vendor.to_lowercase())
        .map(|(_, behind)| behind.trim())
        .filter(|behind| !is_kind(behind));
    (vendor.to_owned(), again.unwrap_or(rest).to_owned())
}

/// Whether the ends are days, as in `<=2018-07-26`: such a version compares with days alone.
fn dated(stretch: &Stretch) -> bool {
    use crate::record::Bound::{Excluding, Including};
    let Stretch::Span(lower, upper) = stretch else {
        return false;
    };
    [lower, upper].into_iter().any(|bound| match bound {
        Including(text) | Excluding(text) => clean::day(text).is_some(),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn names_and_versions_part() {
        for (text, name, tail) in [
            (
                "Moodle Moodle >=4.0.0,<4.0.5",
                "Moodle Moodle ",
                ">=4.0.0,<4.0.5",
            ),
            (
                "上海泛微网络科技股份有限公司 泛微e-cology <= V8",
                "上海泛微网络科技股份有限公司 泛微e-cology ",
                "<= V8",
            ),
            (
                "深圳极速创想科技有限公司 FastAdmin V1.2.1.20210730_beta",
                "深圳极速创想科技有限公司 FastAdmin ",
                "V1.2.1.20210730_beta",
            ),
            ("Foo Bar 6.5.*,<=6.5.4.17", "Foo Bar ", "6.5.*,<=6.5.4.17"),
            ("Microsoft Windows 10 <1.2", "Microsoft Windows 10 ", "<1.2"),
            (
                "Oracle WebLogic Server 12.1 SP3",
                "Oracle WebLogic Server ",
                "12.1 SP3",
            ),
            ("某公司 某系统", "某公司 某系统", ""),
            ("D-Link DIR-823G 1.02B05", "D-Link DIR-823G ", "1.02B05"),
            ("Apple Apple iOS <12.2", "Apple Apple iOS ", "<12.2"),
            ("IBM Update", "IBM Update", ""),
            ("某公司 OA 9.0及之前版本", "某公司 OA ", "9.0及之前版本"),
            ("Foo Foo 1.0,1.1,1.2", "Foo Foo ", "1.0,1.1,1.2"),
            ("Foo Foo 1.0, 1.1, 1.2", "Foo Foo ", "1.0, 1.1, 1.2"),
            ("Foo Bar 所有版本", "Foo Bar ", "所有版本"),
            ("", "", ""),
        ] {
            assert_eq!(split(text), (name, tail), "{text}");
        }
    }
}
