//! What files cost in which every byte is there to cost something: `cargo run --release -p hudun-advisory --example hostile`.

use std::time::Instant;

use hudun_advisory::sbom::{Format, Inventory, MOST_COMPONENTS, Source};

fn main() {
    let fill = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    let bom = |text: String| {
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{text}{{}}]}}"#)
    };
    let nested = format!(r#"{{"dependencies":{{"{}":"#, "x".repeat(200)).repeat(60);
    let properties: String = (0..100)
        .map(|at| format!("<p{at}>{}</p{at}>", format!("${{p{}}}", at + 1).repeat(100)))
        .collect();
    let dependencies =
        "<dependency><groupId>a</groupId><artifactId>${p1}</artifactId></dependency>"
            .repeat(400_000);
    let large = 60 << 20;
    for (format, text) in [
        (
            Format::CycloneDxJson,
            bom(r#"{"name":"a"},"#.repeat(1_999_990)),
        ),
        (Format::CycloneDxJson, bom("{},".repeat(1_999_990))),
        (
            Format::CycloneDxJson,
            bom(format!(
                r#"{{"name":"a","purl":"pkg:npm/{}a?{}"}},"#,
                "%40/".repeat(100),
                "a=b&".repeat(140)
            )
            .repeat(60_000)),
        ),
        (
            Format::CycloneDxXml,
            format!(
                "<bom>{}</bom>",
                "<a>bbbbbbbbbbbbbbbbbbbb</a>".repeat(1_999_990)
            ),
        ),
        (
            Format::PomXml,
            format!(
                "<project><properties>{properties}</properties><dependencies>{dependencies}</dependencies></project>"
            ),
        ),
        (
            Format::PackageLock,
            format!(
                "{nested}{{\"dependencies\":{{{}\"a\":{{}}}}}}{}",
                r#""a":{"version":1},"#.repeat(1_990_000),
                "}}".repeat(60)
            ),
        ),
        (Format::CargoLock, fill("[[package]]\n", 11 << 20)),
        (Format::Requirements, fill("a\\\n", large)),
        (Format::Requirements, fill("a==1\n", large)),
        (Format::DpkgStatus, fill("Package: a\n\n", large)),
        (Format::DpkgStatus, fill("P\n", large)),
        (Format::GoMod, fill("require a.b/c v1\n", large)),
        (Format::GoSum, fill("a v1 h1:x\n", large)),
        (
            Format::SpdxTags,
            format!("SPDXVersion: SPDX-2.3\n{}", fill("PackageName: a\n", large)),
        ),
        (
            Format::SpdxTags,
            format!(
                "SPDXVersion: SPDX-2.3\nPackageName: a\n{}",
                fill("ExternalRef: S cpe23Type x\n", large)
            ),
        ),
    ] {
        let begun = Instant::now();
        let found = inventory(format, &text);
        println!(
            "{format:?}: {} MB, {:?}, {} components, {} refused and {} more; the first: {:?}",
            text.len() >> 20,
            begun.elapsed(),
            found.components.len(),
            found.refused.len(),
            found.refused_more,
            found.refused.first().map(|one| one.reason.to_string())
        );
        assert!(found.components.len() <= MOST_COMPONENTS && found.refused.len() <= 10_002);
    }
}

fn inventory(format: Format, text: &str) -> Inventory {
    let mut inventory = Inventory::default();
    let source = Source {
        place: "file",
        format,
        distro: Some("debian"),
    };
    inventory.add(&source, text.as_bytes());
    inventory
}
