//! PHP, and what makes a server read something as PHP.

use super::between;
use crate::structure::Weight;
use crate::structure::phrases::phrases;
use crate::structure::{wide, words};

pub(super) fn assess(text: &str) -> Option<Weight> {
    let calls = [
        "system(",
        "exec(",
        "shell_exec(",
        "passthru(",
        "eval(",
        "assert(",
        "popen(",
        "proc_open(",
        "phpinfo(",
        "base64_decode(",
        "file_put_contents(",
        "file_get_contents(",
        "call_user_func",
        "create_function(",
        "preg_replace(",
        "include(",
        "include ",
        "require(",
        "require ",
        "echo ",
        "print(",
        "die(",
        "md5(",
        "var_dump(",
        "fopen(",
        "fwrite(",
        "unlink(",
        "str_rot13(",
        "gzinflate(",
    ];
    if text.contains("<?php")
        || text.contains("<?=")
        || text.contains("<? ")
        || text.contains("<script language=\"php\"")
        || text.contains("<script language='php'")
    {
        let (front, body) = text.split_once("<?").unwrap_or(("", text));
        // A letter that shows its code does not run it.
        return Some(if words(front) >= 5 || wide(front) {
            Weight::Weak
        } else if calls.iter().any(|call| body.contains(call))
            || body.contains("$_")
            || body.contains('`')
        {
            Weight::Strong
        } else {
            Weight::Weak
        });
    }
    if text.contains("phpinfo()") && words(text) < 5 && !wide(text) {
        return Some(Weight::Strong);
    }
    if between(text, "${@", "}")
        .iter()
        .any(|inner| inner.contains('('))
    {
        return Some(Weight::Strong);
    }
    let inputs = phrases![
        "$_get",
        "$_post",
        "$_request",
        "$_cookie",
        "$_server",
        "$_files",
        "$globals",
    ];
    if inputs.stand_in(text) && text.contains('(') {
        return Some(Weight::Strong);
    }
    if [
        "php://input",
        "php://filter",
        "phar://",
        "expect://",
        "zip://",
        "data://text",
    ]
    .iter()
    .any(|scheme| {
        text.find(scheme)
            .is_some_and(|at| at < 12 || text[..at].ends_with('='))
    }) {
        return Some(Weight::Strong);
    }
    if phrases!["shell_exec(", "passthru(", "proc_open("].stand_in(text)
        && text.contains(['\'', '"', '$'])
        && words(text) < 8
        && !wide(text)
    {
        return Some(Weight::Strong);
    }
    let whole = text.trim().trim_end_matches([';', ')', '}', '/', ' ']);
    let starts = calls[..16].iter().any(|call| {
        whole
            .trim_start_matches(['@', '$', '{', ';', '\'', '"', '.', '&', '|', ' ', ')'])
            .starts_with(call)
    });
    if starts && text.len() < 2_000 && text.contains(['\'', '"', '$', ')']) && !wide(text) {
        return Some(Weight::Strong);
    }
    let settings = phrases![
        "auto_prepend_file",
        "allow_url_include",
        "-d+allow_url",
        "think\\app/invokefunction",
        "think\\app\\invokefunction",
        "think\\request/input",
        "invokefunction&function=",
        "_method=__construct",
        "[#post_render]",
        "[#pre_render]",
        "[#lazy_builder]",
        "\\think\\",
    ];
    if text.trim() == "__construct" || settings.stand_in(text) {
        return Some(Weight::Strong);
    }
    None
}
