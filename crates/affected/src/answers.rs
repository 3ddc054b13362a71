//! The one door to everything that the page knows.

use hudun_core::{BoxFuture, Lang, Text, Timestamp};

use crate::address::Address;

/// Who answers. The page asks [`look_up`](Self::look_up) and [`ask_help`](Self::ask_help) only after a code has shown
/// that the address is the asker's own.
pub trait Answers: Send + Sync {
    /// Sends a code to an address. It must do the same, in the same time, whoever's address it is, and must not send the
    /// code after `until`.
    fn send_code<'a>(
        &'a self,
        to: &'a Address,
        lang: Lang,
        code: &'a str,
        until: Timestamp,
    ) -> BoxFuture<'a, Result<(), AnswerError>>;

    /// The announced cases that this address is in, newest first; none for somebody who is not affected.
    fn look_up<'a>(
        &'a self,
        address: &'a Address,
    ) -> BoxFuture<'a, Result<Vec<Affected>, AnswerError>>;

    /// Opens a care ticket.
    fn ask_help(&self, help: Help) -> BoxFuture<'_, Result<Opened, AnswerError>>;
}

/// One person in one announced case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// Names the case and says nothing about it: letters, digits and hyphens.
    pub case: String,
    /// When the notice went out.
    pub at: Timestamp,
    /// The firm that answers for the data.
    pub controller: Text,
    /// This person's kinds of data, and no other's.
    pub kinds: Vec<Text>,
    /// The approved notice for exactly these kinds, in the languages in which it went out.
    pub readings: Vec<Reading>,
    /// Whether the case is a drill.
    pub drill: bool,
}

/// A notice in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The language.
    pub lang: Lang,
    /// Plain text.
    pub text: String,
}

/// Somebody asks for help.
#[derive(Clone, PartialEq, Eq)]
pub struct Help {
    /// Where they are answered.
    pub address: Address,
    /// [`Affected::case`].
    pub case: String,
    /// What they wrote, at most 2,000 characters.
    pub words: String,
    /// The language in which they read.
    pub lang: Lang,
}

impl std::fmt::Debug for Help {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Help({}, {:?})", self.case, self.address)
    }
}

/// A care ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What the person quotes.
    pub reference: String,
    /// Until when somebody answers.
    pub due_at: Timestamp,
    /// False when it was open already: a person has one open ticket in a case.
    pub new: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Too much is asked at once.
    #[error("too many questions at once")]
    Busy,
    /// There is no such case.
    #[error("there is no such case")]
    NoSuchCase,
    /// Something behind the page failed. The text is for the log and holds no address.
    #[error("{0}")]
    Failed(String),
}
