//! Case, whitespace, comments, NULs and command lines.

use super::is_space;

pub(super) fn lowercase(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(u8::to_ascii_lowercase));
}

pub(super) fn uppercase(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(u8::to_ascii_uppercase));
}

/// What a shell would make of it: quotes and carets gone, blanks joined, none before `/` and `(`, lower case.
pub(super) fn cmd_line(input: &[u8], out: &mut Vec<u8>) {
    let mut blank = false;
    for b in input {
        match b {
            b'"' | b'\'' | b'\\' | b'^' => {}
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' => {
                if !blank {
                    out.push(b' ');
                    blank = true;
                }
            }
            b'/' | b'(' => {
                if blank {
                    out.pop();
                }
                blank = false;
                out.push(*b);
            }
            _ => {
                out.push(b.to_ascii_lowercase());
                blank = false;
            }
        }
    }
}

pub(super) fn compress_whitespace(input: &[u8], out: &mut Vec<u8>) {
    let mut blank = false;
    for b in input {
        if is_space(*b) || *b == NBSP {
            if !blank {
                out.push(b' ');
            }
            blank = true;
        } else {
            out.push(*b);
            blank = false;
        }
    }
}

pub(super) fn remove_whitespace(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().filter(|b| !is_space(**b) && **b != NBSP));
}

pub(super) fn remove_nulls(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().filter(|b| **b != 0));
}

pub(super) fn replace_nulls(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|b| if *b == 0 { b' ' } else { *b }));
}

pub(super) fn trim(input: &[u8], out: &mut Vec<u8>) {
    let start = input
        .iter()
        .position(|b| !is_space(*b))
        .unwrap_or(input.len());
    trim_right(&input[start..], out);
}

pub(super) fn trim_left(input: &[u8], out: &mut Vec<u8>) {
    let start = input
        .iter()
        .position(|b| !is_space(*b))
        .unwrap_or(input.len());
    out.extend_from_slice(&input[start..]);
}

pub(super) fn trim_right(input: &[u8], out: &mut Vec<u8>) {
    let end = input
        .iter()
        .rposition(|b| !is_space(*b))
        .map_or(0, |at| at + 1);
    out.extend_from_slice(&input[..end]);
}

/// `/* … */` to one blank; an open comment goes to the end.
pub(super) fn replace_comments(input: &[u8], out: &mut Vec<u8>) {
    let mut rest = input;
    while let Some(at) = memchr::memmem::find(rest, b"/*") {
        out.extend_from_slice(&rest[..at]);
        out.push(b' ');
        rest = match memchr::memmem::find(&rest[at + 2..], b"*/") {
            Some(end) => &rest[at + 2 + end + 2..],
            None => &[],
        };
    }
    out.extend_from_slice(rest);
}

/// Comments of C, HTML, SQL and the shell with what is in them.
pub(super) fn remove_comments(input: &[u8], out: &mut Vec<u8>) {
    let mut rest = input;
    loop {
        let end = if rest.starts_with(b"/*") {
            memchr::memmem::find(rest, b"*/").map(|e| e + 2)
        } else if rest.starts_with(b"<!--") {
            memchr::memmem::find(rest, b"-->").map(|e| e + 3)
        } else if rest.is_empty() || rest.starts_with(b"--") || rest[0] == b'#' {
            break;
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
            continue;
        };
        match end {
            Some(end) => rest = &rest[end..],
            None => break,
        }
    }
}

/// The marks of comments alone.
pub(super) fn remove_comments_char(input: &[u8], out: &mut Vec<u8>) {
    let mut rest = input;
    while let Some(first) = rest.first() {
        let skip = if rest.starts_with(b"<!--") {
            4
        } else if rest.starts_with(b"-->") {
            3
        } else if rest.starts_with(b"/*") || rest.starts_with(b"*/") || rest.starts_with(b"--") {
            2
        } else if *first == b'#' {
            1
        } else {
            out.push(*first);
            rest = &rest[1..];
            continue;
        };
        rest = &rest[skip..];
    }
}

/// The no-break space of Latin-1, which counts as white.
const NBSP: u8 = 0xa0;
