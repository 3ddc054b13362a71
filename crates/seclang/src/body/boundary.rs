//! The boundary that a multipart content type names.

use super::multipart::Multipart;
use crate::variable::Var;

/// Reads the boundary; what is odd about it becomes a flag.
pub(super) fn boundary(content_type: &[u8], out: &mut Multipart) -> Result<Vec<u8>, &'static str> {
    let lower = content_type.to_ascii_lowercase();
    let mut places = memchr::memmem::find_iter(&lower, b"boundary");
    let (first, second) = (places.next(), places.next());
    let Some(at) = first else {
        return Err("Multipart: Boundary not found in C-T.");
    };
    if second.is_some_and(|_| memchr::memmem::find_iter(&lower, b"boundary=").count() > 1) {
        return Err("Multipart: Multiple boundary parameters in C-T.");
    }
    let rest = &content_type[at + 8..];
    let trimmed = rest.trim_ascii_start();
    if trimmed.len() != rest.len() {
        out.flags.push(Var::MultipartBoundaryWhitespace);
    }
    let Some(value) = trimmed.strip_prefix(b"=") else {
        return Err("Multipart: Invalid boundary in C-T (malformed).");
    };
    let value = if value.first().is_some_and(u8::is_ascii_whitespace) {
        out.flags.push(Var::MultipartBoundaryWhitespace);
        value.trim_ascii_start()
    } else {
        value
    };
    let value = match value.strip_prefix(b"\"") {
        Some(quoted) => {
            out.flags.push(Var::MultipartBoundaryQuoted);
            let Some(end) = memchr::memchr(b'"', quoted) else {
                return Err("Multipart: Invalid boundary in C-T (quote).");
            };
            &quoted[..end]
        }
        None => {
            let end = value
                .iter()
                .position(|b| matches!(b, b';' | b','))
                .unwrap_or(value.len());
            value[..end].trim_ascii_end()
        }
    };
    if value.is_empty() {
        return Err("Multipart: Invalid boundary in C-T (empty).");
    }
    if value.len() > 70 {
        return Err("Multipart: Invalid boundary in C-T (length).");
    }
    if !value
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=?#*!$%&@^`{|}~ ".contains(b))
    {
        return Err("Multipart: Invalid boundary in C-T (characters).");
    }
    Ok(value.to_vec())
}
