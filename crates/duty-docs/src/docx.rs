//! DOCX: the five parts that every word processor reads, and no more.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::{Document, DocumentError};

/// Writes a DOCX. The same document gives the same bytes.
pub fn docx(document: &Document<'_>) -> Result<Vec<u8>, DocumentError> {
    document.check()?;
    let failed = |e: &dyn std::fmt::Display| DocumentError::Write(e.to_string());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    for (name, body) in [
        ("[Content_Types].xml", TYPES.to_owned()),
        ("_rels/.rels", RELATIONS.to_owned()),
        (
            "word/_rels/document.xml.rels",
            DOCUMENT_RELATIONS.to_owned(),
        ),
        ("word/styles.xml", styles(document.lang)),
        ("word/document.xml", body(document)),
    ] {
        zip.start_file(name, options).map_err(|e| failed(&e))?;
        zip.write_all(body.as_bytes()).map_err(|e| failed(&e))?;
    }
    Ok(zip.finish().map_err(|e| failed(&e))?.into_inner())
}

fn body(document: &Document<'_>) -> String {
    let mut out = String::from(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>"#,
    );
    paragraph(&mut out, "Title", document.title);
    for part in document.parts {
        if !part.heading.is_empty() {
            paragraph(&mut out, "Heading1", &part.heading);
        }
        let mut rest = part.body.lines().peekable();
        while let Some(line) = rest.next() {
            let leads = rest.peek().is_some_and(|next| next.starts_with("- "));
            match line.strip_prefix("- ") {
                Some(item) => paragraph(&mut out, "Item", &format!("• {item}")),
                None if leads => paragraph(&mut out, "Lead", line),
                None => paragraph(&mut out, "Normal", line),
            }
        }
    }
    // A4 with margins of 2.5 cm, in twentieths of a point.
    out.push_str(r#"<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1417" w:right="1417" w:bottom="1417" w:left="1417" w:header="709" w:footer="709" w:gutter="0"/></w:sectPr></w:body></w:document>"#);
    out
}

fn paragraph(out: &mut String, style: &str, text: &str) {
    out.push_str(r#"<w:p><w:pPr><w:pStyle w:val=""#);
    out.push_str(style);
    out.push_str(r#""/></w:pPr><w:r><w:t xml:space="preserve">"#);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no place for other control characters.
            c if c.is_control() && c != '\t' => {}
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out.push_str("</w:t></w:r></w:p>");
}

fn styles(lang: &str) -> String {
    let east = if lang == "zh-CN" { "zh-CN" } else { "en-US" };
    let mut out = format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:eastAsia="Noto Sans CJK SC"/><w:sz w:val="22"/><w:lang w:val="en-US" w:eastAsia="{east}"/></w:rPr></w:rPrDefault></w:docDefaults>"#
    );
    for (id, name, size, bold, before, after, indent, align) in [
        ("Normal", "Normal", 22, false, 0, 80, 0, "left"),
        ("Title", "Title", 34, true, 0, 320, 0, "center"),
        ("Heading1", "heading 1", 26, true, 260, 100, 0, "left"),
        // What leads over to a list.
        ("Lead", "Lead", 22, false, 0, 80, 0, "left"),
        ("Item", "Item", 22, false, 0, 60, 360, "left"),
    ] {
        let bold = if bold { "<w:b/>" } else { "" };
        let keep = if matches!(id, "Title" | "Heading1" | "Lead") {
            "<w:keepNext/>"
        } else {
            ""
        };
        let default = if id == "Normal" {
            r#" w:default="1""#
        } else {
            ""
        };
        out.push_str(&format!(
            r#"<w:style w:type="paragraph"{default} w:styleId="{id}"><w:name w:val="{name}"/><w:pPr>{keep}<w:spacing w:before="{before}" w:after="{after}" w:line="320" w:lineRule="auto"/><w:ind w:left="{indent}"/><w:jc w:val="{align}"/></w:pPr><w:rPr>{bold}<w:sz w:val="{size}"/></w:rPr></w:style>"#
        ));
    }
    out.push_str("</w:styles>");
    out
}

const TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/><Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/></Types>"#;
const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;
const DOCUMENT_RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#;
