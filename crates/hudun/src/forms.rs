//! Notices as files to hand in or to read: DOCX, PDF, JSON, Markdown, plain text.

use hudun_duty::Draft;

/// A notice in one form.
///
/// # Errors
/// [`FormError`].
pub(crate) fn file(draft: &Draft, form: &str) -> Result<Vec<u8>, FormError> {
    Ok(match form {
        "json" => serde_json::to_vec_pretty(draft)?,
        "md" => draft.to_markdown().into_bytes(),
        "txt" => draft.to_text().into_bytes(),
        "docx" => with_document(draft, hudun_duty_docs::docx)?,
        "pdf" => {
            let face = hudun_duty_docs::find_face()?;
            with_document(draft, |document| hudun_duty_docs::pdf(document, &face))?
        }
        _ => return Err(FormError::Form),
    })
}

/// The media type of a form.
pub(crate) fn media_type(form: &str) -> &'static str {
    match form {
        "json" => "application/json",
        "pdf" => "application/pdf",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        _ => "text/plain; charset=utf-8",
    }
}

fn with_document<T>(draft: &Draft, write: impl FnOnce(&hudun_duty_docs::Document<'_>) -> T) -> T {
    let parts: Vec<_> = draft
        .sections
        .iter()
        .map(|section| hudun_duty_docs::Part {
            heading: section.heading.clone(),
            body: section.body.clone(),
        })
        .collect();
    write(&hudun_duty_docs::Document {
        title: &draft.title,
        lang: draft.lang.tag(),
        parts: &parts,
    })
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FormError {
    /// There is no such form.
    #[error("a notice is exported as json, md, txt, docx or pdf")]
    Form,
    /// It could not be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It could not be laid out.
    #[error(transparent)]
    Docs(#[from] hudun_duty_docs::DocumentError),
}
