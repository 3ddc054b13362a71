//! What is an attack as a whole: a file, a document, bytes that are no text.

use super::phrases::phrases;
use super::{Finding, Weight, code, markup};

/// What bytes that are no text would make their reader do: objects of Java and of .NET.
pub(crate) fn in_bytes(bytes: &[u8]) -> Option<Finding> {
    let object = bytes.starts_with(&[0xAC, 0xED, 0, 5])
        || bytes.starts_with(&[0, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1]);
    object.then_some(Finding {
        class: "deserialisation",
        weight: Weight::Strong,
        what: "an object that would run code when it is read",
    })
}

/// What an XML document, read as it stands, would make its reader do.
pub(crate) fn in_document(document: &[u8]) -> Option<Finding> {
    let raw = String::from_utf8_lossy(document);
    code::in_document(&raw.to_ascii_lowercase())
}

/// Code that a server would run when the file is called, in small letters or large.
pub(crate) fn code_in_file(content: &[u8]) -> Option<Finding> {
    let text = String::from_utf8_lossy(content).to_ascii_lowercase();
    let marks = [
        "<?php",
        "<?=",
        "<%@",
        "<%!",
        "<%eval",
        "<% eval",
        "<%execute",
        "<jsp:",
        "<cfexecute",
        "<script runat=",
        "<script language=\"php\"",
    ];
    let acts = [
        "eval(",
        "system(",
        "exec(",
        "passthru(",
        "assert(",
        "shell_exec(",
        "$_post",
        "$_get",
        "$_request",
        "getruntime",
        "processbuilder",
        "request.getparameter",
        "request(",
        "request.item",
        "defineclass",
        "base64_decode(",
        "phpinfo(",
        "cmd.exe",
        "process.start",
        "echo",
        "print",
    ];
    let runs =
        marks.iter().any(|mark| text.contains(mark)) && acts.iter().any(|act| text.contains(act));
    // A picture that ExifTool would read as DjVu, with Perl in its notes (CVE-2021-22204).
    let notes = content.starts_with(b"AT&TFORM") && text.contains("qx{");
    // A drawing whose address ImageMagick hands to a shell (CVE-2016-3714).
    let drawing = text.contains("push graphic-context") && text.contains('|');
    if runs || notes || drawing {
        return Some(Finding {
            class: "rce",
            weight: Weight::Strong,
            what: "a program that the server would run",
        });
    }
    // A template or a list of objects that runs code when it is read.
    let reaches =
        text.contains("{{") && phrases!["__globals__", "__subclasses__", "__mro__"].stand_in(&text);
    if reaches || phrases!["!!python/object", "!!javax.", "!ruby/object:gem"].stand_in(&text) {
        return Some(Finding {
            class: "deserialisation",
            weight: Weight::Strong,
            what: "an object that would run code when it is read",
        });
    }
    let begin = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r']);
    if begin.starts_with("<?xml") || begin.starts_with("<svg") || begin.starts_with("<!doctype") {
        if let Some(found) = code::in_document(&text) {
            return Some(found);
        }
        // A drawing is shown in the site's name; a page that someone uploads may hold script.
        if text.contains("<svg") && !text.contains("<html") {
            return markup::assess(&text).filter(|found| found.weight == Weight::Strong);
        }
    }
    None
}
