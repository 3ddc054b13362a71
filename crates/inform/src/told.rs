//! Who was told what, kept when a personal notice goes out.
//!
//! A person who asks later, on the public page, is shown what was approved for exactly their kinds of data, although the
//! facts of the case may have moved on since. So the texts are kept as they left, one for each set of kinds that occurs,
//! and beside them which person belongs to which. Persons are keyed tokens here as everywhere.

use std::collections::{BTreeMap, BTreeSet};

use hudun_core::{IncidentId, NoticeId, SubjectToken, TenantId, Timestamp};
use hudun_duty::{DataKind, Lang};
use hudun_store::{Collection, Keyed, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::error::InformError;
use crate::informer::Informer;
use crate::message::Message;
use crate::notice::{Notice, NoticeStatus};
use crate::personal::{KindsOfEach, Own, TextsOfKinds};

/// One person in one notice that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The notice.
    pub notice: NoticeId,
    /// The case.
    pub incident: IncidentId,
    /// Whose customer it is.
    pub tenant: TenantId,
    /// The person.
    pub person: SubjectToken,
    /// The language of the text.
    pub lang: Lang,
    /// When the notice went out.
    pub at: Timestamp,
    /// The firm that answers for the data, as the facts name it.
    pub controller: String,
    /// This person's kinds of data, and no other's.
    pub kinds: BTreeSet<DataKind>,
    /// The approved text for exactly these kinds.
    pub text: String,
}

/// What was told, and to whom.
pub(crate) struct Records {
    texts: Collection<ToldTexts>,
    persons: Collection<ToldPersons>,
}

/// The texts of one notice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ToldTexts {
    pub(crate) notice: NoticeId,
    incident: IncidentId,
    pub(crate) tenant: TenantId,
    lang: Lang,
    at: Timestamp,
    controller: String,
    groups: Vec<Group>,
}

/// The persons of whom the same kinds were taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Group {
    kinds: BTreeSet<DataKind>,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

/// The persons of one notice whose token begins with one byte: one of 256 parts, so that a question about one person
/// reads a small part of a large notice.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ToldPersons {
    notice: NoticeId,
    first: u8,
    /// Tokens and the place of their group, each as [`WIDTH`] hexadecimal digits.
    rows: String,
}

impl Keyed for ToldTexts {
    const COLLECTION: &'static str = "told-texts";

    fn id(&self) -> String {
        self.notice.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

impl Keyed for ToldPersons {
    const COLLECTION: &'static str = "told-persons";

    fn id(&self) -> String {
        part(self.notice, self.first)
    }

    fn parent(&self) -> String {
        self.notice.to_string()
    }
}

impl Records {
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            texts: store.collection(),
            persons: store.collection(),
        }
    }

    /// Keeps what is about to be told. The same notice again replaces what it was.
    pub(crate) async fn keep(
        &self,
        notice: &Notice,
        controller: &str,
        each: &KindsOfEach,
        texts: &TextsOfKinds,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let places: BTreeMap<&BTreeSet<DataKind>, usize> = texts.keys().zip(0..).collect();
        let mut parts: BTreeMap<u8, String> = BTreeMap::new();
        for (token, kinds) in each {
            let [first, ..] = *token.as_bytes();
            if let Some(place) = places.get(kinds) {
                let rows = parts.entry(first).or_default();
                rows.push_str(&format!("{token}{place:08x}"));
            }
        }
        for (first, rows) in parts {
            let notice = notice.id;
            let part = ToldPersons {
                notice,
                first,
                rows,
            };
            self.persons.put(&part).await?;
        }
        let groups = texts.iter().map(|(kinds, own)| Group {
            kinds: kinds.clone(),
            text: own.letter.clone(),
            message: own.message.clone(),
        });
        let texts = ToldTexts {
            notice: notice.id,
            incident: notice.incident,
            tenant: notice.tenant.clone(),
            lang: notice.lang,
            at,
            controller: controller.to_owned(),
            groups: groups.collect(),
        };
        self.texts.put(&texts).await
    }

    /// The newest notices of which something is kept.
    pub(crate) async fn newest(&self) -> Result<Vec<ToldTexts>, StoreError> {
        self.texts.newest(MOST).await
    }

    /// Everybody whom a notice was to tell, and what: as [`Records::keep`] was given it. `None` when nothing is kept.
    pub(crate) async fn all(
        &self,
        notice: NoticeId,
    ) -> Result<Option<(KindsOfEach, TextsOfKinds)>, StoreError> {
        let Some(kept) = self.texts.get(&notice.to_string()).await? else {
            return Ok(None);
        };
        let mut each = KindsOfEach::new();
        for part in self.persons.of(&notice.to_string()).await? {
            for row in part.rows.as_bytes().chunks_exact(WIDTH) {
                let row = std::str::from_utf8(row).unwrap_or_default();
                let (token, place) = row.split_at_checked(WIDTH - 8).unwrap_or_default();
                let group = usize::from_str_radix(place, 16)
                    .ok()
                    .and_then(|place| kept.groups.get(place));
                if let (Ok(token), Some(group)) = (token.parse(), group) {
                    each.insert(token, group.kinds.clone());
                }
            }
        }
        let texts = kept.groups.into_iter().map(|group| {
            let own = Own {
                letter: group.text,
                message: group.message,
            };
            (group.kinds, own)
        });
        Ok(Some((each, texts.collect())))
    }

    /// What a notice told one person.
    pub(crate) async fn of(
        &self,
        texts: &ToldTexts,
        person: SubjectToken,
    ) -> Result<Option<Told>, StoreError> {
        let [first, ..] = *person.as_bytes();
        let Some(part) = self.persons.get(&part(texts.notice, first)).await? else {
            return Ok(None);
        };
        let token = person.to_string();
        let row = part
            .rows
            .as_bytes()
            .chunks_exact(WIDTH)
            .filter_map(|row| std::str::from_utf8(row).ok())
            .find_map(|row| row.strip_prefix(token.as_str()));
        let group = row
            .and_then(|place| usize::from_str_radix(place, 16).ok())
            .and_then(|place| texts.groups.get(place));
        Ok(group.map(|group| Told {
            notice: texts.notice,
            incident: texts.incident,
            tenant: texts.tenant.clone(),
            person,
            lang: texts.lang,
            at: texts.at,
            controller: texts.controller.clone(),
            kinds: group.kinds.clone(),
            text: group.text.clone(),
        }))
    }
}

impl Informer {
    /// The tenants of whose customers somebody was told something.
    ///
    /// # Errors
    /// [`InformError::Store`].
    pub async fn told_tenants(&self) -> Result<Vec<TenantId>, InformError> {
        let texts = self.told.newest().await?;
        let tenants: BTreeSet<TenantId> = texts.into_iter().map(|texts| texts.tenant).collect();
        Ok(tenants.into_iter().collect())
    }

    /// What these persons were told by personal notices that are on their way or sent, newest first: the approved text
    /// with their own kinds of data, as it was when it went out.
    ///
    /// # Errors
    /// [`InformError::Store`].
    pub async fn told(
        &self,
        persons: &[(TenantId, SubjectToken)],
    ) -> Result<Vec<Told>, InformError> {
        let mut told = Vec::new();
        for texts in self.told.newest().await? {
            let mut of: Vec<SubjectToken> = persons
                .iter()
                .filter(|(tenant, _)| *tenant == texts.tenant)
                .map(|(_, person)| *person)
                .collect();
            of.sort_unstable();
            of.dedup();
            if of.is_empty() {
                continue;
            }
            let notice = self.get(texts.notice).await?;
            if !matches!(notice.status, NoticeStatus::Sending | NoticeStatus::Sent) {
                continue;
            }
            for person in of {
                told.extend(self.told.of(&texts, person).await?);
            }
        }
        Ok(told)
    }
}

fn part(notice: NoticeId, first: u8) -> String {
    format!("{notice}/{first:02x}")
}

/// Notices that are looked through.
const MOST: u32 = 1_000;
/// A token, and the place of its group.
const WIDTH: usize = 32 + 8;
