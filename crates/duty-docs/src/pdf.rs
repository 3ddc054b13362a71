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
    let mut lines = vec![];
    let mut put = |text: &str, size: f32, indent: f32, before: f32, centred: bool| {
        for (i, l) in broken(&parsed, text, size, WIDTH - indent)
            .into_iter()
            .enumerate()
        {
            let x = if centred {
                MARGIN + (WIDTH - width(&parsed, &l, size)) / 2.0
            } else {
                MARGIN + indent
            };
            lines.push(Line {
                x,
                before: if i == 0 { before } else { 0.0 },
                text: l,
                size,
            });
        }
    };
    put(document.title, 17.0, 0.0, 0.0, true);
    for part in document.parts {
        if part.heading.is_empty() {
            put("", 5.0, 0.0, 0.0, false);
        } else {
            put(&part.heading, 13.0, 0.0, 12.0, false);
        }
        for line in part.body.lines() {
            match line.strip_prefix("- ") {
                Some(item) => put(&format!("· {item}"), 11.0, 14.0, 2.0, false),
                None => put(line, 11.0, 0.0, 3.0, false),
            }
        }
    }
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
    let mut rest = lines.as_slice();
    while !rest.is_empty() {
        let mut page = out.start_page_with(settings()?);
        let mut surface = page.surface();
        let mut y = MARGIN;
        while let Some((line, after)) = rest.split_first() {
            let next = y + line.before + line.size * LEADING;
            if next > PAGE.1 - MARGIN && y > MARGIN {
                break;
            }
            y = next;
            surface.draw_text(
                Point::from_xy(line.x, y),
                font.clone(),
                line.size,
                &line.text,
                false,
                TextDirection::Auto,
            );
            rest = after;
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
