//! Notices as files that people open: DOCX, and PDF with the Chinese font embedded as a subset.
//!
//! The input is plain: a title and parts with heading and body, one line per paragraph, `- ` for an item of a list.
//! Nothing here knows about law or incidents.
//!
//! ```
//! use hudun_duty_docs::{Document, Part, docx};
//!
//! let parts = [Part { heading: "一、事件情况".into(), body: "经过。\n- 甲\n- 乙".into() }];
//! let file = docx(&Document { title: "关于个人信息安全事件的告知", lang: "zh-CN", parts: &parts })?;
//! assert!(file.starts_with(b"PK"));
//! # Ok::<(), hudun_duty_docs::DocumentError>(())
//! ```

mod docx;
mod fonts;
mod pdf;

use thiserror::Error;

pub use docx::docx;
pub use fonts::{Face, find_face};
pub use pdf::pdf;

/// A document to write.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Title.
    pub title: &'a str,
    /// Language tag, `zh-CN` or `en`.
    pub lang: &'a str,
    /// Parts, in order.
    pub parts: &'a [Part],
}

/// One part of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Heading; may be empty.
    pub heading: String,
    /// Body: one paragraph per line, `- ` begins an item.
    pub body: String,
}

/// Why a document could not be written.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// No font on this machine covers Chinese.
    #[error(
        "no font with Chinese characters found in {searched}: install one, for example `fonts-noto-cjk` or `fonts-wqy-microhei` on Debian, `google-noto-sans-cjk-fonts` on Fedora"
    )]
    NoFont {
        /// The folders that were searched.
        searched: String,
    },
    /// A font file could not be used.
    #[error("font {path}: {why}")]
    Font {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The document is longer than allowed.
    #[error("the document has {chars} characters, at most {limit} are written")]
    TooLong {
        /// Its length.
        chars: usize,
        /// The limit.
        limit: usize,
    },
    /// The file could not be put together.
    #[error("writing the file: {0}")]
    Write(String),
}

impl Document<'_> {
    fn check(&self) -> Result<(), DocumentError> {
        let parts = self
            .parts
            .iter()
            .map(|p| p.heading.chars().count() + p.body.chars().count());
        let chars = self.title.chars().count() + parts.sum::<usize>();
        if chars > MAX_CHARS {
            return Err(DocumentError::TooLong {
                chars,
                limit: MAX_CHARS,
            });
        }
        Ok(())
    }
}

const MAX_CHARS: usize = 1_000_000;
