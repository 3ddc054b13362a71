//! PDF on A4: lines broken by the font's own widths, the font embedded as a subset.

use krilla::Document as Pdf;
use krilla::geom::Point;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::text::{Font, TextDirection};
use ttf_parser::Face as Parsed;

use crate::{Document, DocumentError, Face};

/// Writes a PDF with the given face.
pub fn pdf(document: &Document<'_>, face: &Face) -> Result<Vec<u8>, DocumentError> {
    document.check()?;
    let bad = |why: String| DocumentError::Font {
        path: face.path.clone(),
        why,
    };
    let parsed = Parsed::parse(&face.bytes, face.index).map_err(|e| bad(e.to_string()))?;
    let font = Font::new(face.bytes.clone().into(), face.index)
        .ok_or_else(|| bad("it cannot be embedded".into()))?;
    let lines = lines(document, &parsed);
    let settings = || {
        PageSettings::from_wh(PAGE.0, PAGE.1)
            .ok_or_else(|| DocumentError::Write("page size".into()))
    };
    let mut out = Pdf::new();
    out.set_metadata(
        Metadata::new()
            .title(document.title.to_owned())
            .language(document.lang.to_owned()),
    );
    for placed in pages(&lines) {
        let mut page = out.start_page_with(settings()?);
        let mut surface = page.surface();
        for (line, y) in placed {
            surface.draw_text(
                Point::from_xy(line.x, y),
                font.clone(),
                line.size,
                &line.text,
                false,
                TextDirection::Auto,
            );
        }
        surface.finish();
        page.finish();
    }
    out.finish()
        .map_err(|e| DocumentError::Write(format!("{e:?}")))
}

struct Line {
    x: f32,
    before: f32,
    text: String,
    size: f32,
    /// Stands on the same page as the line after it: headings, and words that lead over to a list.
    keep: bool,
}

impl Line {
    fn height(&self) -> f32 {
        self.before + self.size * LEADING
    }
}

/// The lines of a document, in order.
fn lines(document: &Document<'_>, face: &Parsed<'_>) -> Vec<Line> {
    let mut lines = vec![];
    let mut put = |text: &str, size: f32, indent: f32, before: f32, look: Look| {
        for (i, l) in broken(face, text, size, WIDTH - indent)
            .into_iter()
            .enumerate()
        {
            let x = if look == Look::Title {
                MARGIN + (WIDTH - width(face, &l, size)) / 2.0
            } else {
                MARGIN + indent
            };
            lines.push(Line {
                x,
                before: if i == 0 { before } else { 0.0 },
                text: l,
                size,
                keep: look != Look::Text,
            });
        }
    };
    put(document.title, 17.0, 0.0, 0.0, Look::Title);
    for part in document.parts {
        if part.heading.is_empty() {
            put("", 5.0, 0.0, 0.0, Look::Text);
        } else {
            put(&part.heading, 13.0, 0.0, 12.0, Look::Heading);
        }
        let mut rest = part.body.lines().peekable();
        while let Some(line) = rest.next() {
            match line.strip_prefix("- ") {
                Some(item) => put(&format!("· {item}"), 11.0, 14.0, 2.0, Look::Text),
                None => {
                    let leads = rest.peek().is_some_and(|next| next.starts_with("- "));
                    let look = if leads { Look::Heading } else { Look::Text };
                    put(line, 11.0, 0.0, 3.0, look);
                }
            }
        }
    }
    lines
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Title,
    Heading,
    Text,
}

/// Lines by page, each with its height on the page. A line that is kept with the next moves to the next page with it,
/// unless what must stand together is longer than a page.
fn pages(lines: &[Line]) -> Vec<Vec<(&Line, f32)>> {
    let bottom = PAGE.1 - MARGIN;
    let mut pages = vec![];
    let mut page = vec![];
    let mut y = MARGIN;
    let mut rest = lines;
    while !rest.is_empty() {
        let kept = rest.iter().take_while(|line| line.keep).count();
        let (together, after) = rest.split_at((kept + 1).min(rest.len()));
        let height: f32 = together.iter().map(Line::height).sum();
        if y + height > bottom && height <= bottom - MARGIN && !page.is_empty() {
            pages.push(std::mem::take(&mut page));
            y = MARGIN;
        }
        for line in together {
            if y + line.height() > bottom && !page.is_empty() {
                pages.push(std::mem::take(&mut page));
                y = MARGIN;
            }
            y += line.height();
            page.push((line, y));
        }
        rest = after;
    }
    if !page.is_empty() {
        pages.push(page);
    }
    pages
}

/// Breaks after any Chinese character and at spaces otherwise; closing marks never begin a line.
fn broken(face: &Parsed<'_>, text: &str, size: f32, room: f32) -> Vec<String> {
    let mut out = vec![];
    let mut line = String::new();
    let mut used = 0.0;
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        let w = advance(face, c, size);
        if used + w > room && !line.is_empty() && !CLOSING.contains(c) {
            // Latin words stay whole where there is a space to break at.
            let keep = (c.is_ascii_graphic())
                .then(|| line.rfind(|b: char| !b.is_ascii_graphic()))
                .flatten();
            let rest = match keep {
                Some(at) => {
                    let after = at + line[at..].chars().next().map_or(0, char::len_utf8);
                    line.split_off(after)
                }
                None => String::new(),
            };
            if rest.len() < 40 && !line.trim().is_empty() {
                out.push(line.trim_end().to_owned());
                line = rest;
            } else {
                line.push_str(&rest);
                out.push(std::mem::take(&mut line));
            }
            used = width(face, &line, size);
        }
        line.push(c);
        used += w;
    }
    out.push(line);
    out
}

fn width(face: &Parsed<'_>, text: &str, size: f32) -> f32 {
    text.chars().map(|c| advance(face, c, size)).sum()
}

fn advance(face: &Parsed<'_>, c: char, size: f32) -> f32 {
    let units = f32::from(face.units_per_em());
    let glyph = face.glyph_index(c).unwrap_or(ttf_parser::GlyphId(0));
    face.glyph_hor_advance(glyph)
        .map_or(size, |a| f32::from(a) * size / units)
}

const PAGE: (f32, f32) = (595.28, 841.89);
const MARGIN: f32 = 71.0;
const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;
const LEADING: f32 = 1.45;
const CLOSING: &str = "，。、；：！？）】》”’,.;:!?)]";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Part, find_face};

    fn line(n: usize, keep: bool) -> Line {
        Line {
            x: MARGIN,
            before: if keep { 12.0 } else { 3.0 },
            text: n.to_string(),
            size: if keep { 13.0 } else { 11.0 },
            keep,
        }
    }

    /// Every line once and in order, none below the margin; the pages.
    fn laid_out(lines: &[Line]) -> Vec<Vec<(&Line, f32)>> {
        let pages = pages(lines);
        let shown: Vec<&str> = pages
            .iter()
            .flatten()
            .map(|(line, _)| line.text.as_str())
            .collect();
        let wanted: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(shown, wanted);
        for (_, y) in pages.iter().flatten() {
            assert!(*y <= PAGE.1 - MARGIN, "{y}");
        }
        pages
    }

    #[test]
    fn no_heading_stands_alone_at_the_foot_of_a_page() {
        // A heading, or two in a row, after so many lines: each place on the page is met.
        for before in 0..120 {
            for headings in 1..=3 {
                let lines: Vec<Line> = (0..before + headings + 5)
                    .map(|n| line(n, (before..before + headings).contains(&n)))
                    .collect();
                for page in laid_out(&lines) {
                    let (last, _) = page.last().unwrap();
                    assert!(!last.keep, "{headings} headings after {before} lines");
                }
            }
        }
    }

    #[test]
    fn what_must_stand_together_and_is_longer_than_a_page_breaks_all_the_same() {
        let lines: Vec<Line> = (0..200).map(|n| line(n, true)).collect();
        assert!(laid_out(&lines).len() > 3);
        assert!(laid_out(&[]).is_empty());
        assert_eq!(laid_out(&[line(0, true)]).len(), 1, "nothing follows it");
    }

    #[test]
    fn a_long_notice_keeps_headings_and_lists_with_what_leads_to_them() {
        let Ok(face) = find_face() else {
            eprintln!("no Chinese font here, the layout of a real notice not shown");
            return;
        };
        let parsed = Parsed::parse(&face.bytes, face.index).unwrap();
        for items in 0..60 {
            let part = |n: usize| Part {
                heading: format!("{n}、我们采取的措施"),
                body: format!("已经采取：{}\n此外另行告知。", "\n- 停用导出".repeat(items)),
            };
            let parts: Vec<Part> = (1..6).map(part).collect();
            let document = Document {
                title: "关于个人信息安全事件的告知",
                lang: "zh-CN",
                parts: &parts,
            };
            let lines = lines(&document, &parsed);
            for page in laid_out(&lines) {
                let (last, _) = page.last().unwrap();
                let alone = last.text.ends_with("措施") || (items > 0 && last.text == "已经采取：");
                assert!(!alone, "{items}: {:?}", last.text);
            }
        }
    }
}
