//! Files open again: the DOCX is a zip with well-formed parts, the PDF embeds its font.

#![allow(clippy::panic)] // a test that panics has failed

use std::io::{Cursor, Read};

use hudun_duty_docs::{Document, DocumentError, Part, docx, find_face, pdf};

fn parts() -> Vec<Part> {
    vec![
        Part {
            heading: "一、事件情况".into(),
            body: "一名外部人员使用被盗的员工账号 <script> & \"读取\" 了客户资料。\u{1}\n- 姓名\n- 手机号码".into(),
        },
        Part {
            heading: "What happened".into(),
            body: "An outside person used a stolen staff account. ".repeat(200),
        },
    ]
}

#[test]
fn docx_holds_the_text_escaped_and_is_reproducible() {
    let parts = parts();
    let d = Document {
        title: "告知",
        lang: "zh-CN",
        parts: &parts,
    };
    let bytes = docx(&d).unwrap();
    assert_eq!(bytes, docx(&d).unwrap());
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut xml = String::new();
    zip.by_name("word/document.xml")
        .unwrap()
        .read_to_string(&mut xml)
        .unwrap();
    assert!(
        xml.contains("&lt;script&gt; &amp; &quot;读取&quot; 了客户资料。<"),
        "{xml}"
    );
    assert!(xml.contains("• 手机号码"));
    // A heading, and the words before a list, stay with what follows them.
    assert!(xml.contains(r#"<w:pStyle w:val="Lead"/></w:pPr><w:r><w:t xml:space="preserve">一名"#));
    let mut styles = String::new();
    zip.by_name("word/styles.xml")
        .unwrap()
        .read_to_string(&mut styles)
        .unwrap();
    assert_eq!(styles.matches("<w:keepNext/>").count(), 3);
    assert!(!xml.contains('\u{1}'));
}

#[test]
fn pdf_embeds_a_font_or_says_what_to_install() {
    let parts = parts();
    let d = Document {
        title: "关于个人信息安全事件的告知",
        lang: "zh-CN",
        parts: &parts,
    };
    match find_face() {
        Ok(face) => {
            let bytes = pdf(&d, &face).unwrap();
            assert!(bytes.starts_with(b"%PDF"));
            assert!(
                bytes.len() < face.bytes.len() / 4,
                "a subset, not the whole font: {} bytes",
                bytes.len()
            );
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(text.matches("/FontFile").count() >= 1, "no embedded font");
        }
        Err(e @ DocumentError::NoFont { .. }) => {
            eprintln!("no Chinese font here, embedding not shown");
            assert!(e.to_string().contains("install"));
        }
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn a_document_without_bound_is_refused() {
    let parts = [Part {
        heading: String::new(),
        body: "x".repeat(1_000_001),
    }];
    let d = Document {
        title: "t",
        lang: "en",
        parts: &parts,
    };
    assert!(matches!(docx(&d), Err(DocumentError::TooLong { .. })));
}
