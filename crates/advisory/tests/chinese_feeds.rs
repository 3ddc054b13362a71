//! CNVD and CNNVD, on small files made by hand.

#![allow(clippy::unwrap_used)]

use hudun_advisory::{Affected, Bound, Format, Reading, Source, Status, read};

fn cnvd(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<vulnerabilitys>\n{inner}</vulnerabilitys>\n"
    )
}

fn entry(number: &str, products: &str) -> String {
    format!(
        "<vulnerability><number>{number}</number><cves><cve><cveNumber>CVE-2023-1000</cveNumber>\
         <cveUrl>https://example.org</cveUrl></cve></cves><title>某系统SQL注入漏洞</title><serverity>高</serverity>\
         <products>{products}</products><isEvent>通用软硬件漏洞</isEvent><submitTime>2023-01-02</submitTime>\
         <openTime>2023-02-03</openTime><referenceLink>https://example.org/a</referenceLink><formalWay>请升级&#xD;\n到新版本</formalWay>\
         <description>某系统 &lt;登录&gt; 处存在漏洞。&#xD;\n第二行</description><patchName>某系统补丁</patchName></vulnerability>\n"
    )
}

fn product(text: &str) -> Affected {
    let file = cnvd(&entry("CNVD-2023-1", &format!("<product>{text}</product>")));
    let mut reading = read(Format::Cnvd, "week.xml", file.as_bytes());
    assert_eq!(reading.refused, [], "{text}");
    reading.records.remove(0).affected.remove(0)
}

fn good(reading: &Reading) -> Vec<&str> {
    reading
        .records
        .iter()
        .map(|record| record.id.as_str())
        .collect()
}

#[test]
fn a_cnvd_record_gives_what_it_says() {
    let file = cnvd(&entry(
        "CNVD-2023-1",
        "<product>Acme Acme CRM &lt;=2.0</product>",
    ));
    let reading = read(Format::Cnvd, "week.xml", file.as_bytes());
    let record = &reading.records[0];
    assert_eq!(
        (record.id.as_str(), record.source),
        ("CNVD-2023-1", Source::Cnvd)
    );
    assert_eq!(record.aliases, ["CVE-2023-1000"]);
    // The source's own word, and its own spelling of the element.
    assert_eq!(record.severity_word.as_deref(), Some("高"));
    assert_eq!(
        record.published.unwrap().to_string(),
        "2023-02-03T00:00:00Z"
    );
    assert_eq!(record.summary, "某系统 <登录> 处存在漏洞。\n第二行");
    assert_eq!(record.remediation, "请升级\n到新版本");
    assert_eq!(record.patch.as_deref(), Some("某系统补丁"));
    assert_eq!(record.references, ["https://example.org/a"]);
    let affected = &record.affected[0];
    assert_eq!(
        (affected.vendor.as_str(), affected.product.as_str()),
        ("Acme", "Acme CRM")
    );
    assert_eq!(affected.default, None);
}

#[test]
fn product_texts_of_cnvd() {
    let end = |version: &str| Bound::Including(version.to_owned());
    let before = |version: &str| Bound::Excluding(version.to_owned());
    for (text, vendor, name, lower, upper) in [
        (
            "Moodle Moodle &gt;=4.0.0，&lt;4.0.5",
            "Moodle",
            "Moodle",
            end("4.0.0"),
            before("4.0.5"),
        ),
        (
            "上海泛微网络科技股份有限公司 泛微e-cology &lt;= V8",
            "上海泛微网络科技股份有限公司",
            "泛微e-cology",
            Bound::Open,
            end("8"),
        ),
        (
            "Apple  Apple iOS &lt;12.2",
            "Apple",
            "iOS",
            Bound::Open,
            before("12.2"),
        ),
        (
            "Foo foo CMS &lt;4.8",
            "Foo",
            "foo CMS",
            Bound::Open,
            before("4.8"),
        ),
        (
            "Foo Bar 6.5.*，&lt;=6.5.4.17",
            "Foo",
            "Bar",
            Bound::Line("6.5".to_owned()),
            end("6.5.4.17"),
        ),
        (
            "Foo Bar 8.x",
            "Foo",
            "Bar",
            Bound::Line("8".to_owned()),
            Bound::Line("8".to_owned()),
        ),
        (
            "某公司 某OA 9.0及之前版本",
            "某公司",
            "某OA",
            Bound::Open,
            end("9.0"),
        ),
        (
            "Foo Bar &lt;=2018-07-26",
            "Foo",
            "Bar",
            Bound::Open,
            end("2018-07-26"),
        ),
        ("Foo Bar ＜３．２", "Foo", "Bar", Bound::Open, before("3.2")),
        ("Foo Bar 所有版本", "Foo", "Bar", Bound::Open, Bound::Open),
    ] {
        let affected = product(text);
        assert_eq!(
            (affected.vendor.as_str(), affected.product.as_str()),
            (vendor, name),
            "{text}"
        );
        let [range] = &affected.ranges[..] else {
            panic!("{text}: {affected:?}");
        };
        assert_eq!(
            (&range.lower, &range.upper, range.status),
            (&lower, &upper, Status::Affected),
            "{text}"
        );
    }
    let exact = product("深圳极速创想科技有限公司 FastAdmin V1.2.1.20210730_beta");
    assert_eq!(
        (exact.product.as_str(), exact.versions.as_slice()),
        ("FastAdmin", &["1.2.1.20210730_beta".to_owned()][..])
    );
    assert_eq!(product("Foo Bar 1.0、1.1").versions, ["1.0", "1.1"]);
    // A day compares with days alone.
    assert_eq!(
        product("Foo Bar &lt;=2018-07-26").ranges[0]
            .version_type
            .as_deref(),
        Some("date")
    );
}

#[test]
fn a_product_without_a_number_is_unknown() {
    for text in [
        "某公司 客户管理系统",
        "Oracle Solaris",
        "某系统",
        "Foo Bar &lt;最新版",
    ] {
        let affected = product(text);
        assert!(affected.versions.is_empty(), "{text}");
        assert_eq!(affected.ranges[0].status, Status::Unknown, "{text}");
    }
}

#[test]
fn gbk_with_and_without_a_declaration_reads_the_same() {
    let body = "<vulnerabilitys>".to_owned()
        + &entry("CNVD-2023-2", "<product>用友 NC 6.5</product>")
        + "</vulnerabilitys>";
    let (plain, _, _) = encoding_rs::GBK.encode(&body);
    for declaration in [
        "",
        "<?xml version='1.0' encoding='GBK'?>",
        "<?xml version=\"1.0\" encoding=\"gb2312\"?>",
        "<?xml version=\"1.0\" encoding=\"GB18030\"?>",
    ] {
        let bytes = [declaration.as_bytes(), &plain].concat();
        let reading = read(Format::Cnvd, "week.xml", &bytes);
        assert_eq!(
            good(&reading),
            ["CNVD-2023-2"],
            "{declaration}: {:?}",
            reading.refused
        );
        assert_eq!(reading.records[0].title, "某系统SQL注入漏洞");
        assert_eq!(reading.records[0].affected[0].vendor, "用友");
    }
    // A declaration that isn't true is told, not guessed away.
    let bytes = [b"<?xml version='1.0' encoding='UTF-8'?>".as_slice(), &plain].concat();
    let reading = read(Format::Cnvd, "week.xml", &bytes);
    assert!(reading.records.is_empty());
    assert!(
        reading.refused[0].reason.contains("not UTF-8"),
        "{}",
        reading.refused[0]
    );
    let latin = b"<?xml version='1.0' encoding='Big5'?><vulnerabilitys/>";
    assert!(
        read(Format::Cnvd, "week.xml", latin).refused[0]
            .reason
            .contains("Big5")
    );
}

#[test]
fn a_broken_record_costs_itself_alone() {
    let file = cnvd(&format!(
        "{}<vulnerability><number>CNVD-2023-4</number><title>a <b> c</title></vulnerability>\n{}<vulnerability><title>none</title></vulnerability>\n{}",
        entry("CNVD-2023-3", ""),
        entry("CNVD-2023-5", ""),
        entry("CNVD-2023-6", ""),
    ));
    let reading = read(Format::Cnvd, "week.xml", file.as_bytes());
    assert_eq!(
        good(&reading),
        ["CNVD-2023-3", "CNVD-2023-5", "CNVD-2023-6"]
    );
    assert_eq!(reading.refused.len(), 2, "{:?}", reading.refused);
    // Each entry has two line breaks in its texts.
    assert_eq!(reading.refused[0].place, "line 6");
    assert!(reading.refused[1].reason.contains("no number"));
}

#[test]
fn a_cut_file_gives_what_stands_before_the_cut() {
    let file = cnvd(&(entry("CNVD-2023-7", "") + &entry("CNVD-2023-8", "")));
    let cut = file.find("CNVD-2023-8").unwrap() + 20;
    let reading = read(Format::Cnvd, "week.xml", &file.as_bytes()[..cut]);
    assert_eq!(good(&reading), ["CNVD-2023-7"]);
    assert_eq!(reading.refused.len(), 1);
    assert!(
        reading.refused[0].reason.contains("as if cut"),
        "{}",
        reading.refused[0]
    );
    let empty = read(Format::Cnvd, "week.xml", b"");
    assert!(empty.refused[0].reason.contains("no <vulnerability>"));
}

#[test]
fn a_document_type_is_refused_and_entities_never_grow() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE v [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>\
        <vulnerabilitys><vulnerability><number>CNVD-2023-9</number><title>&b;</title></vulnerability></vulnerabilitys>";
    let reading = read(Format::Cnvd, "week.xml", bomb.as_bytes());
    assert!(reading.records.is_empty());
    assert!(
        reading.refused[0].reason.contains("document type"),
        "{}",
        reading.refused[0]
    );
    // An entity that XML doesn't know stays as it is written.
    let file = cnvd(
        "<vulnerability><number>CNVD-2023-9</number><title>A&nbsp;B &amp; C & D &#x4e2d;</title></vulnerability>",
    );
    let reading = read(Format::Cnvd, "week.xml", file.as_bytes());
    assert_eq!(reading.records[0].title, "A&nbsp;B & C & D 中");
}

#[test]
fn deep_and_wide_records_are_refused() {
    let deep = "<x>".repeat(100_000);
    let file = cnvd(&format!(
        "<vulnerability><number>CNVD-2023-9</number>{deep}"
    ));
    assert!(
        read(Format::Cnvd, "week.xml", file.as_bytes()).refused[0]
            .reason
            .contains("too deep")
    );
    let wide = "<x/>".repeat(100_000);
    let file = cnvd(&format!(
        "<vulnerability><number>CNVD-2023-9</number>{wide}</vulnerability>{}",
        entry("CNVD-2023-10", "")
    ));
    let reading = read(Format::Cnvd, "week.xml", file.as_bytes());
    assert!(reading.refused[0].reason.contains("too many"));
    assert_eq!(good(&reading), ["CNVD-2023-10"]);
}

#[test]
fn a_cnnvd_entry_gives_what_it_says() {
    let file = "<cnnvd cnnvd_xml_version=\"2.2\" pub_date=\"2023-01-10\"><entry><name>WordPress plugin X & Y 安全漏洞</name>\
        <vuln-id>CNNVD-202301-044</vuln-id><published>2023-01-02</published><modified>2023-01-10</modified><source/>\
        <severity>超危</severity><vuln-type>SQL注入</vuln-type><vuln-descript>描述</vuln-descript>\
        <vuln-software-list><product>cpe:/a:acme:crm:1.0</product><product>cpe:/a:acme:crm</product></vuln-software-list>\
        <other-id><cve-id>CVE-2023-0001</cve-id><bugtraq-id/></other-id>\
        <refs><ref><ref-url>https://example.org</ref-url></ref></refs><vuln-solution>升级</vuln-solution></entry>\
        <entry><name>无编号</name></entry><entry><vuln-id>X-1</vuln-id></entry></cnnvd>";
    let reading = read(Format::Cnnvd, "2023.xml", file.as_bytes());
    let record = &reading.records[0];
    assert_eq!(
        (record.id.as_str(), record.source),
        ("CNNVD-202301-044", Source::Cnnvd)
    );
    assert_eq!(
        (record.aliases.as_slice(), record.severity_word.as_deref()),
        (&["CVE-2023-0001".to_owned()][..], Some("超危"))
    );
    assert_eq!(
        (record.title.as_str(), record.remediation.as_str()),
        ("WordPress plugin X & Y 安全漏洞", "升级")
    );
    let affected = &record.affected[0];
    assert_eq!(
        (affected.versions.as_slice(), affected.ranges[0].status),
        (&["1.0".to_owned()][..], Status::Unknown)
    );
    assert_eq!(reading.refused.len(), 2);
}
