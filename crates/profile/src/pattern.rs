//! Text with `*` in it.

/// A text in which `*` stands for any text, the empty one included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            parts: text.split('*').map(str::to_owned).collect(),
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else {
            return false;
        };
        if self.parts.len() == 1 {
            return text == first;
        }
        let Some(rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else {
            return false;
        };
        for part in &self.parts[1..self.parts.len() - 1] {
            let Some(at) = rest.find(part.as_str()) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        true
    }

    /// More literal text is more specific; that something stands there at all is more than nothing.
    pub(crate) fn weight(&self) -> u32 {
        let literal = self.parts.iter().map(String::len).sum::<usize>();
        let whole = if self.parts.len() == 1 { 1_000 } else { 0 };
        u32::try_from(literal).unwrap_or(u32::MAX).min(998) + 1 + whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let pattern = Pattern::new("model.party.*.search*");
        assert!(pattern.matches("model.party.party.search_read"));
        assert!(pattern.matches("model.party..search"));
        assert!(!pattern.matches("model.sale.sale.search"));
        assert!(Pattern::new("*").matches(""));
        assert!(!Pattern::new("aa*aa").matches("aaa"));
    }
}
