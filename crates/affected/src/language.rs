//! Which language a person reads.

use hudun_core::Lang;

/// The language asked for by `?lang=`, else the first of `Accept-Language` that this page has, else Chinese.
pub(crate) fn choose(asked: Option<&str>, accepted: Option<&str>) -> Lang {
    if let Some(lang) = asked.and_then(named) {
        return lang;
    }
    let mut best: Option<(u32, Lang)> = None;
    for range in accepted.unwrap_or_default().split(',').take(MOST_RANGES) {
        let mut parts = range.split(';');
        let Some(lang) = parts.next().map(str::trim).and_then(named) else {
            continue;
        };
        let weight = parts
            .find_map(|part| part.trim().strip_prefix("q="))
            .map_or(Some(1_000), weight);
        let Some(weight) = weight.filter(|weight| *weight > 0) else {
            continue;
        };
        // The first of equals wins (RFC 9110, 12.5.4 leaves it open).
        if best.is_none_or(|(heaviest, _)| weight > heaviest) {
            best = Some((weight, lang));
        }
    }
    best.map_or(Lang::Zh, |(_, lang)| lang)
}

/// The language tag for `lang` attributes.
pub(crate) const fn tag(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "zh-CN",
        Lang::En => "en",
    }
}

fn named(tag: &str) -> Option<Lang> {
    let primary = tag.split('-').next().unwrap_or_default();
    if primary.eq_ignore_ascii_case("zh") {
        Some(Lang::Zh)
    } else if primary.eq_ignore_ascii_case("en") {
        Some(Lang::En)
    } else {
        None
    }
}

/// A weight such as `0.8` in thousandths (RFC 9110, 12.4.2).
fn weight(text: &str) -> Option<u32> {
    let value: f32 = text.trim().parse().ok()?;
    (0.0..=1.0)
        .contains(&value)
        .then_some((value * 1_000.0) as u32)
}

/// Ranges of a header that are read.
const MOST_RANGES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_wins_over_the_browser_and_the_browser_over_the_default() {
        for (asked, accepted, lang) in [
            (None, None, Lang::Zh),
            (None, Some("en-GB,en;q=0.9"), Lang::En),
            (None, Some("de, zh-TW;q=0.4, en;q=0.5"), Lang::En),
            (None, Some("en;q=0, zh"), Lang::Zh),
            (None, Some("en;q=NaN"), Lang::Zh),
            (None, Some("fr"), Lang::Zh),
            (Some("en"), Some("zh"), Lang::En),
            (Some("xx"), Some("en"), Lang::En),
        ] {
            assert_eq!(choose(asked, accepted), lang, "{asked:?} {accepted:?}");
        }
    }
}
