//! By which name a channel speaks of a letter.

use hudun_store::{Collection, Keyed, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::letter::short_hash;

/// A name of a letter with its channel, and the letter that it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LetterName {
    name: String,
    dedupe: String,
}

impl Keyed for LetterName {
    const COLLECTION: &'static str = "message-name";

    fn id(&self) -> String {
        self.name.clone()
    }
}

/// The names that letters were given.
pub(crate) struct LetterNames(Collection<LetterName>);

/// A name, as a channel has it.
pub(crate) enum NameOf<'a> {
    /// The name that the call of the SMS gateway gave the message.
    Message(&'a str),
    /// The provider's own number of the message.
    Serial(&'a str),
    /// The name in the Message-ID of a mail.
    Mail(&'a str),
}

impl NameOf<'_> {
    fn id(&self) -> String {
        match self {
            Self::Message(name) => format!("name/{name}"),
            Self::Serial(serial) => format!("serial/{}", short_hash(serial)),
            Self::Mail(name) => format!("mail/{name}"),
        }
    }
}

impl LetterNames {
    pub(crate) fn new(store: &Store) -> Self {
        Self(store.collection())
    }

    /// Keeps that the letter with this key has this name.
    pub(crate) async fn keep(&self, name: &NameOf<'_>, dedupe: &str) -> Result<(), StoreError> {
        let name = LetterName {
            name: name.id(),
            dedupe: dedupe.to_owned(),
        };
        self.0.put(&name).await
    }

    /// The key of the letter with this name.
    pub(crate) async fn letter(&self, name: &NameOf<'_>) -> Result<Option<String>, StoreError> {
        Ok(self.0.get(&name.id()).await?.map(|known| known.dedupe))
    }
}
