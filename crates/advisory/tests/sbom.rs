//! Inventories: every format by a small file made by hand, what is refused, and that no input brings a reader down.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::time::Instant;

use hudun_advisory::sbom::{
    Component, Format, Inventory, MOST_COMPONENTS, Reason, Source, normalise_purl,
};
use hudun_advisory::{Ecosystem, Version};
use proptest::prelude::*;

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

/// Name, version or `-`, purl or `-`, place.
fn lines(inventory: &Inventory) -> Vec<String> {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let line = |one: &Component| {
        format!(
            "{} {} {} | {}",
            one.name,
            or(&one.version),
            or(&one.purl),
            one.where_found.trim_start_matches("file: ")
        )
    };
    inventory.components.iter().map(line).collect()
}

fn refusals(inventory: &Inventory) -> Vec<String> {
    let line = |one: &hudun_advisory::sbom::Refused| {
        format!("{}: {}", one.place.trim_start_matches("file: "), one.reason)
    };
    inventory.refused.iter().map(line).collect()
}

const CYCLONEDX: &str = r#"{
  "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
  "metadata": {"component": {"type": "application", "name": "shop", "version": "3"}},
  "components": [
    {"type": "library", "group": "org.apache.logging.log4j", "name": "log4j-core", "version": "2.14.1",
     "purl": "pkg:Maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar",
     "cpe": "cpe:2.3:a:apache:log4j:2.14.1:*:*:*:*:*:*:*",
     "hashes": [{"alg": "SHA-1", "content": "00"}],
     "components": [{"type": "library", "name": "inner", "version": 1.5,
        "components": [{"name": "innermost", "purl": "pkg:npm/%40Scope/Inner@2.0.0"}]}]},
    {"name": "bare", "version": "1"},
    {"name": "broken", "version": "1", "purl": "pkg:", "cpe": "cpe:2.3:a:b"},
    {"version": "1"},
    {"name": "odd", "version": ["1"], "purl": {}}
  ]
}"#;

#[test]
fn cyclonedx_as_json() {
    let found = inventory(Format::CycloneDxJson, CYCLONEDX);
    assert_eq!(
        lines(&found),
        [
            "shop 3 - | metadata.component",
            "org.apache.logging.log4j/log4j-core 2.14.1 \
             pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar | components[0]",
            "inner 1.5 - | components[0].components[0]",
            "innermost 2.0.0 pkg:npm/%40Scope/inner@2.0.0 | components[0].components[0].components[0]",
            "bare 1 - | components[1]",
            "broken 1 - | components[2]",
            "odd - - | components[4]",
        ]
    );
    assert_eq!(
        found.components[1].cpes,
        ["cpe:2.3:a:apache:log4j:2.14.1:*:*:*:*:*:*:*"]
    );
    assert_eq!(found.components[1].order(), Some(Ecosystem::Maven));
    assert_eq!((found.without_identity, found.without_version), (5, 1));
    assert_eq!(
        refusals(&found),
        [
            "components[2]: its purl is none: missing type",
            "components[2]: \"cpe:2.3:a:b\" is no CPE name",
            "components[3]: it has no name",
            "components[4]: its version is no text of up to 1,000 bytes without control characters",
            "components[4]: its purl is no text of up to 1,000 bytes without control characters",
        ]
    );
}

const CYCLONEDX_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1">
  <metadata><component type="application"><name>shop</name><version>3</version></component></metadata>
  <components>
    <component type="library">
      <group>a &amp; b</group><name>one</name><version> 1.0 </version>
      <cpe>cpe:/a:vendor:one:1.0</cpe>
      <purl>pkg:composer/Vendor/One@1.0</purl>
      <components><component type="library"><name><![CDATA[two]]></name><version>2</version></component></components>
    </component>
    <component type="library"><name/><version>2</version></component>
  </components>
</bom>"#;

#[test]
fn cyclonedx_as_xml() {
    let found = inventory(Format::CycloneDxXml, CYCLONEDX_XML);
    assert_eq!(
        lines(&found),
        [
            "shop 3 - | metadata.component",
            "a & b/one 1.0 pkg:composer/vendor/one@1.0 | components[0]",
            "two 2 - | components[0].components[0]",
        ]
    );
    assert_eq!(found.components[1].cpes, ["cpe:/a:vendor:one:1.0"]);
    assert_eq!(refusals(&found), ["components[1]: it has no name"]);
}

#[test]
fn xml_brings_no_document_type_and_no_entities() {
    for (text, why) in [
        (
            "<!DOCTYPE bom [<!ENTITY a \"b\">]><bom><components/></bom>",
            "a document type, which is refused",
        ),
        (
            "<bom><components>&x;</components></bom>",
            "an unknown entity",
        ),
        ("<bom>", "an element is not closed"),
        ("<bom></bomb>", "at byte"),
        ("<bom/><bom/>", "it has no root, or several"),
        ("", "it has no root, or several"),
        ("<project/>", "its root is \"project\" and not bom"),
    ] {
        let found = inventory(Format::CycloneDxXml, text);
        let refused = refusals(&found);
        assert!(
            refused.len() == 1 && refused[0].contains(why),
            "{text}: {refused:?}"
        );
    }
    let deep = "<components><component>".repeat(40);
    let found = inventory(Format::CycloneDxXml, &format!("<bom>{deep}"));
    assert!(refusals(&found)[0].contains("more than 64 elements"));
    let many = format!("<bom>{}</bom>", "<a/>".repeat(2_000_001));
    let found = inventory(Format::CycloneDxXml, &many);
    assert_eq!(
        found.refused[0].reason,
        Reason::TooMany("2,000,000 elements")
    );
}

const SPDX: &str = r#"{
  "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "shop",
  "packages": [
    {"name": "openssl", "versionInfo": "3.0.11-1", "externalRefs": [
      {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
       "referenceLocator": "pkg:deb/debian/openssl@3.0.11-1?distro=debian-12&arch=amd64"},
      {"referenceCategory": "SECURITY", "referenceType": "cpe23Type",
       "referenceLocator": "cpe:2.3:a:openssl:openssl:3.0.11:*:*:*:*:*:*:*"},
      {"referenceCategory": "SECURITY", "referenceType": "cpe22Type", "referenceLocator": "cpe:/a:openssl:openssl:3.0.11"},
      {"referenceCategory": "OTHER", "referenceType": "advisory", "referenceLocator": "https://example.org"}]},
    {"name": "shop", "versionInfo": "NOASSERTION"}
  ]
}"#;

#[test]
fn spdx_as_json() {
    let found = inventory(Format::SpdxJson, SPDX);
    assert_eq!(
        lines(&found),
        [
            "openssl 3.0.11-1 pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12 | packages[0]",
            "shop - - | packages[1]",
        ]
    );
    assert_eq!(found.components[0].cpes.len(), 2);
    assert_eq!(found.components[0].order(), Some(Ecosystem::Debian));
    assert!(found.refused.is_empty(), "{:?}", found.refused);
    let newer = r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}"#;
    assert!(refusals(&inventory(Format::SpdxJson, newer))[0].contains("SPDX-2.x is"));
}

const SPDX_TAGS: &str = "SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
## a comment
PackageName: lodash
SPDXID: SPDXRef-1
PackageVersion: 4.17.20
PackageComment: <text>several
PackageName: not one
lines</text>
ExternalRef: PACKAGE-MANAGER purl pkg:npm/lodash@4.17.20
ExternalRef: PACKAGE-MANAGER purl pkg:npm/lodash@4.17.21
ExternalRef: SECURITY cpe23Type cpe:2.3:a:lodash:lodash:4.17.20:*:*:*:*:node.js:*:*
PackageName: other
FileName: ./a
PackageVersion: 9
not a tag
";

#[test]
fn spdx_as_tags() {
    let found = inventory(Format::SpdxTags, SPDX_TAGS);
    assert_eq!(
        lines(&found),
        [
            "lodash 4.17.20 pkg:npm/lodash@4.17.20 | line 4",
            "other - - | line 13",
        ]
    );
    assert_eq!(found.components[0].cpes.len(), 1);
    assert_eq!(
        refusals(&found),
        [
            "line 11: its purl is none: it is the second one: pkg:npm/lodash@4.17.21",
            "line 16: the line \"not a tag\" is not understood",
        ]
    );
    assert_eq!(
        refusals(&inventory(Format::SpdxTags, "PackageName: a\n")),
        ["file: it has no SPDXVersion"]
    );
}

const COMPOSER: &str = r#"{
  "packages": [
    {"name": "Topthink/Framework", "version": "v6.0.13", "dist": {"type": "zip"}},
    {"name": "monolog/monolog", "version": "2.9.1"},
    {"name": "firm/own", "version": "dev-main", "dist": {"type": "path"}},
    {"name": "nothing", "version": "1.0"}
  ],
  "packages-dev": [{"name": "phpunit/phpunit", "version": "9.6.0"}],
  "aliases": [], "platform": {"php": ">=7.4"}
}"#;

#[test]
fn composer_lock() {
    let found = inventory(Format::ComposerLock, COMPOSER);
    assert_eq!(
        lines(&found),
        [
            "Topthink/Framework 6.0.13 pkg:composer/topthink/framework@6.0.13 | packages[0]",
            "monolog/monolog 2.9.1 pkg:composer/monolog/monolog@2.9.1 | packages[1]",
            "firm/own dev-main - | packages[2]",
            "nothing 1.0 - | packages[3]",
            "phpunit/phpunit 9.6.0 pkg:composer/phpunit/phpunit@9.6.0 | packages-dev[0]",
        ]
    );
    assert_eq!(found.without_identity, 2);
    assert_eq!(
        refusals(&found),
        ["packages[3]: its purl is none: namespace required for type \"composer\""]
    );
    assert_eq!(
        refusals(&inventory(Format::ComposerLock, "{}")),
        ["file: it has no packages"]
    );
}

const NPM_3: &str = r#"{
  "name": "shop", "lockfileVersion": 3,
  "packages": {
    "": {"name": "shop", "version": "1.0.0"},
    "node_modules/lodash": {"version": "4.17.20", "resolved": "https://registry.npmjs.org/lodash/-/lodash-4.17.20.tgz"},
    "node_modules/@babel/core": {"version": "7.0.0"},
    "node_modules/a/node_modules/lodash": {"version": "3.0.0"},
    "node_modules/short": {"name": "real-name", "version": "1.1.0"},
    "node_modules/forked": {"version": "1.0.0", "resolved": "git+ssh://git@example.org/forked.git#0a"},
    "node_modules/own": {"resolved": "packages/own", "link": true},
    "packages/own": {"version": "0.1.0"}
  },
  "dependencies": {"lodash": {"version": "4.17.20"}}
}"#;

const NPM_1: &str = r#"{
  "lockfileVersion": 1, "requires": true,
  "dependencies": {
    "lodash": {"version": "4.17.20", "requires": {"x": "^1"}},
    "a": {"version": "1.0.0", "dependencies": {"lodash": {"version": "3.0.0"}}},
    "short": {"version": "npm:@scope/real@2.0.0"},
    "forked": {"version": "git+https://example.org/forked.git#0a"}
  }
}"#;

#[test]
fn package_locks_of_three_versions() {
    let found = inventory(Format::PackageLock, NPM_3);
    assert_eq!(
        lines(&found),
        [
            "lodash 4.17.20 pkg:npm/lodash@4.17.20 | packages[\"node_modules/lodash\"]",
            "@babel/core 7.0.0 pkg:npm/%40babel/core@7.0.0 | packages[\"node_modules/@babel/core\"]",
            "lodash 3.0.0 pkg:npm/lodash@3.0.0 | packages[\"node_modules/a/node_modules/lodash\"]",
            "real-name 1.1.0 pkg:npm/real-name@1.1.0 | packages[\"node_modules/short\"]",
            "forked 1.0.0 - | packages[\"node_modules/forked\"]",
        ]
    );
    assert_eq!(found.refused.len(), 2);
    let found = inventory(Format::PackageLock, NPM_1);
    assert_eq!(
        lines(&found),
        [
            "lodash 4.17.20 pkg:npm/lodash@4.17.20 | dependencies[\"lodash\"]",
            "a 1.0.0 pkg:npm/a@1.0.0 | dependencies[\"a\"]",
            "lodash 3.0.0 pkg:npm/lodash@3.0.0 | dependencies[\"a\"].dependencies[\"lodash\"]",
            "@scope/real 2.0.0 pkg:npm/%40scope/real@2.0.0 | dependencies[\"short\"]",
            "forked git+https://example.org/forked.git#0a - | dependencies[\"forked\"]",
        ]
    );
}

const REQUIREMENTS: &str = "# pinned
Django==4.2.1  # why
typing_extensions [x,y] == 4.1 ; python_version < '3.8'
certifi===2023.7.22 \\
    --hash=sha256:00 \\
    --hash=sha256:01
requests>=2.0
six
flask==2.*
-r other.txt
--index-url https://example.org/simple
own @ https://example.org/own.zip
zope.interface==5.0,>=4
???
";

#[test]
fn requirements_that_are_pinned() {
    let found = inventory(Format::Requirements, REQUIREMENTS);
    assert_eq!(
        lines(&found),
        [
            "Django 4.2.1 pkg:pypi/django@4.2.1 | line 2",
            "typing_extensions 4.1 pkg:pypi/typing-extensions@4.1 | line 3",
            "certifi 2023.7.22 pkg:pypi/certifi@2023.7.22 | line 4",
            "zope.interface 5.0 pkg:pypi/zope.interface@5.0 | line 13",
        ]
    );
    assert_eq!(
        refusals(&found),
        [
            "line 7: \"requests>=2.0\" is not pinned to one version",
            "line 8: \"six\" is not pinned to one version",
            "line 9: \"flask==2.*\" is not pinned to one version",
            "line 10: \"-r other.txt\" leads to another file, which is not read from here",
            "line 12: \"own @ https://example.org/own.zip\" leads to another file, which is not read from here",
            "line 14: the line \"???\" is not understood",
        ]
    );
}

const POETRY: &str = r#"
[[package]]
name = "Jinja2"
version = "3.1.2"
description = """
[[package]]
name = "not one"
"""
files = [{file = "a.whl", hash = "sha256:00"}]

[[package]]
name = "forked"
version = "1.0"
[package.source]
type = "git"
url = "https://example.org/forked.git"

[metadata]
lock-version = "2.0"
"#;

const CARGO: &str = r#"
version = 4

[[package]]
name = "shop"
version = "0.1.0"
dependencies = ["serde"]

[[package]]
name = "serde"
version = "1.0.100"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00"

[[package]]
name = "forked"
version = "0.2.0"
source = "git+https://example.org/forked?rev=0a#0a"
"#;

#[test]
fn toml_locks() {
    let found = inventory(Format::PoetryLock, POETRY);
    assert_eq!(
        lines(&found),
        [
            "Jinja2 3.1.2 pkg:pypi/jinja2@3.1.2 | package[0]",
            "forked 1.0 - | package[1]",
        ]
    );
    let found = inventory(Format::CargoLock, CARGO);
    assert_eq!(
        lines(&found),
        [
            "serde 1.0.100 pkg:cargo/serde@1.0.100 | package[1]",
            "forked 0.2.0 pkg:cargo/forked@0.2.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fforked%3Frev%3D0a%230a | package[2]",
        ]
    );
    assert_eq!(
        refusals(&found),
        ["package[0]: \"shop\" is a local package, published nowhere"]
    );
    let broken = inventory(Format::CargoLock, "version = 4\n[[package]\n");
    assert!(
        refusals(&broken)[0].contains("line 2: "),
        "{:?}",
        broken.refused
    );
}

#[test]
fn this_repository_reads_its_own_lock_files() {
    let ordered = |found: &Inventory| {
        assert_eq!((found.without_identity, found.without_version), (0, 0));
        for one in &found.components {
            let version = one.version.as_deref().unwrap();
            Version::parse(one.order().unwrap(), version).unwrap();
        }
    };
    let text = include_str!("../../../Cargo.lock");
    let found = inventory(Format::CargoLock, text);
    let stated = text.matches("[[package]]").count();
    assert_eq!(found.components.len() + found.refused.len(), stated);
    assert!(found.components.len() > 400);
    ordered(&found);
    let text = include_str!("../../../web/package-lock.json");
    let found = inventory(Format::PackageLock, text);
    let stated = text
        .lines()
        .filter(|line| line.starts_with("    \"node_modules/"))
        .count();
    assert_eq!((found.components.len(), found.refused.len()), (stated, 0));
    assert!(stated > 100);
    ordered(&found);
}

const GO_SUM: &str = "github.com/gin-gonic/gin v1.7.0 h1:AAAA=
github.com/gin-gonic/gin v1.7.0/go.mod h1:BBBB=
golang.org/x/text v0.3.7/go.mod h1:CCCC=
nonsense
";

const GO_MOD: &str = "module example.org/shop

go 1.21

require github.com/Masterminds/sprig v2.22.0+incompatible // indirect

require (
\tgithub.com/gin-gonic/gin v1.7.0
\tgolang.org/x/text v0.3.7 // indirect
\texample.org/own v0.0.0
)

replace (
\tgolang.org/x/text v0.3.7 => golang.org/x/text v0.3.8
\texample.org/own => ../own
)

exclude golang.org/x/net v0.1.0
what is this
";

#[test]
fn go_modules() {
    let found = inventory(Format::GoSum, GO_SUM);
    assert_eq!(
        lines(&found),
        ["github.com/gin-gonic/gin v1.7.0 pkg:golang/github.com/gin-gonic/gin@v1.7.0 | line 1"]
    );
    assert_eq!(
        refusals(&found),
        ["line 4: the line \"nonsense\" is not understood"]
    );
    let found = inventory(Format::GoMod, GO_MOD);
    assert_eq!(
        lines(&found),
        [
            "github.com/Masterminds/sprig v2.22.0+incompatible \
             pkg:golang/github.com/masterminds/sprig@v2.22.0%2Bincompatible | line 5",
            "github.com/gin-gonic/gin v1.7.0 pkg:golang/github.com/gin-gonic/gin@v1.7.0 | line 8",
            "golang.org/x/text v0.3.8 pkg:golang/golang.org/x/text@v0.3.8 | line 9",
            "example.org/own v0.0.0 - | line 10",
        ]
    );
    assert_eq!(
        refusals(&found),
        ["line 19: the line \"what is this\" is not understood"]
    );
}

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>com.firm</groupId><artifactId>parent</artifactId><version>7</version></parent>
  <artifactId>shop</artifactId>
  <properties><spring.version>5.3.17</spring.version><alias>${spring.version}</alias><loop>${loop}</loop></properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>com.alibaba</groupId><artifactId>fastjson</artifactId><version>1.2.68</version></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>org.springframework</groupId><artifactId>spring-core</artifactId><version>${alias}</version></dependency>
    <dependency><groupId>com.alibaba</groupId><artifactId>fastjson</artifactId></dependency>
    <dependency><groupId>${project.groupId}</groupId><artifactId>own</artifactId><version>${project.version}</version></dependency>
    <dependency><groupId>org.unknown</groupId><artifactId>bare</artifactId></dependency>
    <dependency><groupId>org.unknown</groupId><artifactId>ranged</artifactId><version>[1.0,2.0)</version></dependency>
    <dependency><groupId>org.unknown</groupId><artifactId>looped</artifactId><version>${loop}</version></dependency>
    <dependency><groupId>org.unknown</groupId><artifactId>open-${nothing}</artifactId><version>1</version></dependency>
    <dependency><artifactId>lonely</artifactId></dependency>
  </dependencies>
  <profiles><profile><id>p</id><dependencies>
    <dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><version>42.2.5</version></dependency>
  </dependencies></profile></profiles>
</project>"#;

#[test]
fn poms_with_properties() {
    let found = inventory(Format::PomXml, POM);
    assert_eq!(
        lines(&found),
        [
            "org.springframework:spring-core 5.3.17 pkg:maven/org.springframework/spring-core@5.3.17 | dependencies[0]",
            "com.alibaba:fastjson 1.2.68 pkg:maven/com.alibaba/fastjson@1.2.68 | dependencies[1]",
            "com.firm:own 7 pkg:maven/com.firm/own@7 | dependencies[2]",
            "org.unknown:bare - pkg:maven/org.unknown/bare | dependencies[3]",
            "org.unknown:ranged - pkg:maven/org.unknown/ranged | dependencies[4]",
            "org.unknown:looped - pkg:maven/org.unknown/looped | dependencies[5]",
            "org.unknown:open-${nothing} 1 - | dependencies[6]",
            "org.postgresql:postgresql 42.2.5 pkg:maven/org.postgresql/postgresql@42.2.5 | profile \"p\" dependencies[0]",
        ]
    );
    assert_eq!((found.without_identity, found.without_version), (1, 3));
    assert_eq!(
        refusals(&found),
        [
            "dependencies[4]: \"[1.0,2.0)\" is not pinned to one version",
            "dependencies[5]: \"${loop}\" names a property that this file does not state",
            "dependencies[6]: \"open-${nothing}\" names a property that this file does not state",
            "dependencies[7]: it has no groupId",
        ]
    );
}

const DPKG: &str = "Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl (3.0.11-1~deb12u2)
Version: 3.0.11-1~deb12u2
Description: a library
 Package: not one
 .

Package: old
Status: deinstall ok config-files
Version: 1.0

Status: install ok installed
Version: 2.0
";

const APK: &str = "C:Q1AAAA=
P:musl-utils
V:1.2.4-r2
A:x86_64
o:musl

P:busybox
V:1.36.1-r5
o:busybox

V:1
";

#[test]
fn package_databases() {
    let found = inventory(Format::DpkgStatus, DPKG);
    assert_eq!(
        lines(&found),
        ["libssl3 3.0.11-1~deb12u2 pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64 | line 1",]
    );
    let from = found.components[0].built_from.as_ref().unwrap();
    assert_eq!(
        (from.name.as_str(), from.version.as_deref()),
        ("openssl", Some("3.0.11-1~deb12u2"))
    );
    assert_eq!(
        refusals(&found),
        [
            "line 10: \"old\" is not installed",
            "line 14: it has no Package"
        ]
    );
    let mut found = Inventory::default();
    let source = Source {
        place: "file",
        format: Format::ApkInstalled,
        distro: None,
    };
    found.add(&source, APK.as_bytes());
    assert_eq!(
        lines(&found),
        [
            "musl-utils 1.2.4-r2 pkg:apk/musl-utils@1.2.4-r2?arch=x86_64 | line 1",
            "busybox 1.36.1-r5 pkg:apk/busybox@1.36.1-r5 | line 7",
        ]
    );
    assert_eq!(
        found.components[0].built_from.as_ref().unwrap().name,
        "musl"
    );
    assert_eq!(found.components[1].built_from, None);
    assert_eq!(refusals(&found), ["line 11: it has no P"]);
    let rpm = inventory(Format::Rpm, "\u{0}");
    assert_eq!(rpm.refused[0].reason, Reason::Rpm);
}

#[test]
fn formats_by_name_and_content() {
    for (path, text, format) in [
        ("a/composer.lock", "", Some(Format::ComposerLock)),
        ("C:\\shop\\Package-Lock.json", "", Some(Format::PackageLock)),
        ("requirements-dev.txt", "", Some(Format::Requirements)),
        ("var/lib/dpkg/status", "", Some(Format::DpkgStatus)),
        ("var/lib/dpkg/status.d/base", "", Some(Format::DpkgStatus)),
        ("var/lib/dpkg/status.d/base.md5sums", "", None),
        ("proc/1/status", "", None),
        ("lib/apk/db/installed", "", Some(Format::ApkInstalled)),
        ("var/lib/rpm/Packages", "", Some(Format::Rpm)),
        ("usr/lib/sysimage/rpm/rpmdb.sqlite", "", Some(Format::Rpm)),
        ("x.json", CYCLONEDX, Some(Format::CycloneDxJson)),
        ("x.json", SPDX, Some(Format::SpdxJson)),
        ("x.json", "{\"a\": 1}", None),
        ("x.json", "{", None),
        ("x", CYCLONEDX_XML, Some(Format::CycloneDxXml)),
        ("x", SPDX_TAGS, Some(Format::SpdxTags)),
        ("x", "text", None),
    ] {
        assert_eq!(Format::guess(path, text.as_bytes()), format, "{path}");
    }
}

#[test]
fn bounds_hold_and_say_so() {
    let many = |count: usize| {
        let mut text = String::new();
        for at in 0..count {
            writeln!(text, "p{at}==1").unwrap();
        }
        text
    };
    let found = inventory(Format::Requirements, &many(MOST_COMPONENTS + 3));
    assert_eq!(found.components.len(), MOST_COMPONENTS);
    assert_eq!(found.refused[0].reason, Reason::Full(3));
    let found = inventory(
        Format::Requirements,
        &many(10).replace("==", ">=").repeat(1_001),
    );
    assert_eq!((found.refused.len(), found.refused_more), (10_000, 10));
    let mut found = Inventory::default();
    let source = Source {
        place: "large",
        format: Format::GoSum,
        distro: None,
    };
    found.add(&source, &vec![b' '; (64 << 20) + 1]);
    assert_eq!(found.refused[0].reason, Reason::TooLarge);
    found.add(&source, b"\xff\xfe");
    assert_eq!(found.refused[1].reason, Reason::NotText);
    let deep = format!(
        "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":{}",
        "[{\"name\":\"a\",\"components\":".repeat(10_000)
    );
    let found = inventory(Format::CycloneDxJson, &deep);
    assert!(
        refusals(&found)[0].contains("recursion limit"),
        "{:?}",
        found.refused
    );
    let found = inventory(Format::PackageLock, &"{".repeat(2_000_001));
    assert_eq!(
        found.refused[0].reason,
        Reason::TooMany("2,000,000 objects")
    );
    let found = inventory(
        Format::CargoLock,
        &format!("package=[{}]", "{},".repeat(2_000_000)),
    );
    assert_eq!(
        found.refused[0].reason,
        Reason::TooMany("2,000,000 tables and lists")
    );
    let deep = format!("a = {}", "[".repeat(10_000));
    assert_eq!(inventory(Format::CargoLock, &deep).refused.len(), 1);
    let long = format!("{}==1", "a".repeat(1_001));
    let found = inventory(Format::Requirements, &long);
    assert_eq!(found.refused[0].reason, Reason::BadField("name"));
    let deep = format!(
        "{{\"dependencies\":{}",
        "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":{\"version\":\"1\",\"dependencies\":".repeat(50)
    );
    let found = inventory(
        Format::PackageLock,
        &format!("{deep}{{}}{}}}", "}}".repeat(50)),
    );
    assert_eq!(found.components.len(), 50, "{:?}", found.refused);
    assert!(
        found
            .components
            .iter()
            .all(|one| one.where_found.chars().count() <= 501)
    );
    // A message can't move a terminal's cursor.
    let found = inventory(Format::GoSum, "a\u{1b}[2J b");
    assert!(!refusals(&found)[0].contains('\u{1b}'));
}

#[test]
fn purls_are_written_in_one_way() {
    for (stated, normal) in [
        ("pkg:PyPI/Foo_Bar@1", "pkg:pypi/foo-bar@1"),
        ("pkg://npm/@scope/a@1.0", "pkg:npm/%40scope/a@1.0"),
        ("pkg:composer/A/B", "pkg:composer/a/b"),
        (
            "pkg:deb/debian/a@1:2?b=2&a=1",
            "pkg:deb/debian/a@1:2?a=1&b=2",
        ),
        ("pkg:maven/G/A@1", "pkg:maven/G/A@1"),
        ("pkg:npm/a@", "pkg:npm/a"),
        ("pkg:golang//net@v1#", "pkg:golang/net@v1"),
    ] {
        assert_eq!(normalise_purl(stated).unwrap(), normal, "{stated}");
        assert_eq!(normalise_purl(normal).unwrap(), normal, "{stated}");
    }
    for bad in [
        "",
        "npm/a",
        "pkg:npm",
        "pkg:npm/",
        "pkg:composer/a",
        "pkg:npm/a%0ab",
        "pkg:npm/%ff",
        "pkg:npm/a\u{7}",
    ] {
        assert!(normalise_purl(bad).is_err(), "{bad}");
    }
}

/// A file of so many components.
fn large(format: Format, count: usize) -> String {
    let mut text = String::new();
    let mut each = |before: &str, between: &str, after: &str, one: &dyn Fn(usize) -> String| {
        text.push_str(before);
        for at in 0..count {
            text.push_str(if at == 0 { "" } else { between });
            text.push_str(&one(at));
        }
        text.push_str(after);
    };
    match format {
        Format::CycloneDxJson => each(
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":["#,
            ",",
            "]}",
            &|at| {
                format!(
                    r#"{{"type":"library","bom-ref":"r{at}","group":"org.example","name":"part-{at}","version":"1.{at}.0","hashes":[{{"alg":"SHA-256","content":"{at:064x}"}}],"licenses":[{{"license":{{"id":"Apache-2.0"}}}}],"purl":"pkg:maven/org.example/part-{at}@1.{at}.0?type=jar","cpe":"cpe:2.3:a:example:part-{at}:1.{at}.0:*:*:*:*:*:*:*"}}"#
                )
            },
        ),
        Format::CycloneDxXml => each(
            r#"<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components>"#,
            "",
            "</components></bom>",
            &|at| {
                format!(
                    r#"<component type="library"><group>org.example</group><name>part-{at}</name><version>1.{at}.0</version><hashes><hash alg="SHA-256">{at:064x}</hash></hashes><purl>pkg:maven/org.example/part-{at}@1.{at}.0?type=jar</purl></component>"#
                )
            },
        ),
        Format::SpdxJson => each(
            r#"{"spdxVersion":"SPDX-2.3","packages":["#,
            ",",
            "]}",
            &|at| {
                format!(
                    r#"{{"SPDXID":"SPDXRef-{at}","name":"part-{at}","versionInfo":"1.{at}.0","licenseDeclared":"MIT","externalRefs":[{{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/part-{at}@1.{at}.0"}}]}}"#
                )
            },
        ),
        Format::PackageLock => each(r#"{"lockfileVersion":3,"packages":{"#, ",", "}}", &|at| {
            format!(
                r#""node_modules/part-{at}":{{"version":"1.{at}.0","resolved":"https://registry.npmjs.org/part-{at}/-/part-{at}-1.{at}.0.tgz","integrity":"sha512-{at:086}=="}}"#
            )
        }),
        Format::CargoLock => each("version = 4\n", "\n", "", &|at| {
            format!(
                "[[package]]\nname = \"part-{at}\"\nversion = \"1.{at}.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{at:064x}\"\n"
            )
        }),
        Format::DpkgStatus => each("", "\n", "", &|at| {
            format!(
                "Package: part-{at}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.{at}-1\nDescription: a part\n of the whole\n"
            )
        }),
        _ => each("", "\n", "", &|at| format!("part-{at}==1.{at}.0")),
    }
    text
}

#[test]
fn ten_thousand_components() {
    for format in [
        Format::CycloneDxJson,
        Format::CycloneDxXml,
        Format::SpdxJson,
        Format::PackageLock,
        Format::CargoLock,
        Format::DpkgStatus,
        Format::Requirements,
    ] {
        let text = large(format, 10_000);
        let begun = Instant::now();
        let found = inventory(format, &text);
        println!("{format:?}: {} bytes, {:?}", text.len(), begun.elapsed());
        assert_eq!((found.components.len(), found.refused.len()), (10_000, 0));
        assert_eq!(found.without_identity + found.without_version, 0);
    }
}

const FIXTURES: [(Format, &str); 15] = [
    (Format::CycloneDxJson, CYCLONEDX),
    (Format::CycloneDxXml, CYCLONEDX_XML),
    (Format::SpdxJson, SPDX),
    (Format::SpdxTags, SPDX_TAGS),
    (Format::ComposerLock, COMPOSER),
    (Format::PackageLock, NPM_3),
    (Format::PackageLock, NPM_1),
    (Format::Requirements, REQUIREMENTS),
    (Format::PoetryLock, POETRY),
    (Format::CargoLock, CARGO),
    (Format::GoSum, GO_SUM),
    (Format::GoMod, GO_MOD),
    (Format::PomXml, POM),
    (Format::DpkgStatus, DPKG),
    (Format::ApkInstalled, APK),
];

/// What must hold of any inventory.
fn holds(inventory: &Inventory) {
    let nameless = |one: &&Component| one.purl.is_none() && one.cpes.is_empty();
    assert_eq!(
        inventory.components.iter().filter(nameless).count(),
        inventory.without_identity
    );
    for one in &inventory.components {
        assert!(!one.name.is_empty() && one.where_found.starts_with("file"));
        for text in [Some(&one.name), one.version.as_ref(), one.purl.as_ref()]
            .into_iter()
            .flatten()
        {
            assert!(!text.chars().any(char::is_control), "{one:?}");
        }
        if let Some(purl) = &one.purl {
            assert_eq!(&normalise_purl(purl).unwrap(), purl);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), path in "[ -~]{0,20}") {
        Format::guess(&path, &bytes);
        for (format, _) in FIXTURES {
            let mut inventory = Inventory::default();
            inventory.add(&Source { place: "file", format, distro: None }, &bytes);
            holds(&inventory);
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(
        which in 0..FIXTURES.len(),
        at in any::<prop::sample::Index>(),
        gone in 0_usize..40,
        put in prop::collection::vec(prop_oneof![
            Just("\"".to_owned()), Just("{".to_owned()), Just("<".to_owned()), Just("\n".to_owned()), Just("\u{1b}".to_owned()),
            Just("%00".to_owned()), Just("${".to_owned()), Just("=>".to_owned()), Just("@".to_owned()), any::<String>()
        ], 0..4),
    ) {
        let (format, text) = FIXTURES[which];
        let from = at.index(text.len());
        let mut bytes = text.as_bytes().to_vec();
        bytes.splice(from..(from + gone).min(text.len()), put.concat().into_bytes());
        for (other, _) in FIXTURES {
            let mut inventory = Inventory::default();
            inventory.add(&Source { place: "file", format: other, distro: Some("alpine") }, &bytes);
            holds(&inventory);
        }
        Format::guess("x", &bytes);
        prop_assert!(FIXTURES.iter().any(|(one, _)| *one == format));
    }
}
