//! What in a text speaks of prose: words, other scripts than Latin, code that is shown and not run.

/// A text of words without the code that it shows: in backticks and fences, as markdown has it, and, in what a page
/// shows, in `<code>` and `<pre>`. None where it is no such text.
pub(super) fn without_shown_code(text: &str, decoded: bool) -> Option<String> {
    let mut out = None;
    if text.contains('`') {
        let fenced = text.trim_start().starts_with("```");
        let pieces: Vec<&str> = text.split('`').collect();
        let outside: Vec<&str> = pieces.iter().step_by(2).copied().collect();
        let said = outside.iter().map(|piece| words(piece)).sum::<usize>();
        let other = outside.iter().any(|piece| wide(piece));
        if pieces.len() % 2 == 1 && (said >= 4 || other || fenced) {
            out = Some(outside.join(" "));
        }
    }
    if decoded {
        for tag in ["code", "pre"] {
            let current = out.as_deref().unwrap_or(text);
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            let Some((front, _)) = current.split_once(&open) else {
                continue;
            };
            if words(front) < 4 && !wide(front) {
                continue;
            }
            let mut kept = String::with_capacity(current.len());
            for (at, piece) in current.split(&open).enumerate() {
                kept.push_str(match piece.split_once(&close) {
                    Some((_, behind)) if at > 0 => behind,
                    _ => piece,
                });
            }
            out = Some(kept);
        }
    }
    out
}

/// The first bytes of a text, up to a whole sign.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Words of letters in a text.
pub(super) fn words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| {
            word.len() > 1
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphabetic() || matches!(b, b',' | b'.' | b'\''))
        })
        .count()
}

/// Whether a text is written in another script than Latin for a good part, or with the quotes of print: prose.
pub(super) fn wide(text: &str) -> bool {
    text.chars()
        .filter(|c| ('\u{2e80}'..='\u{9fff}').contains(c) || ('\u{2018}'..='\u{201f}').contains(c))
        .count()
        >= 2
}
