//! Requests for help of affected persons: care tickets.
//!
//! A ticket is a task of the case with a clock, as any other. Where the person is reached and what they wrote is
//! personal data; the task shows a masked address only, and the rest lies sealed beside it: ChaCha20-Poly1305 under a
//! key derived from the master key, with the task as associated data. Whoever has taken the task may open it, each time
//! with an entry in the ledger; when the task is over it is gone.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hmac::{Hmac, Mac};
use hudun_affected::Opened;
use hudun_console::Live;
use hudun_console::api::Happening;
use hudun_core::{
    Department, Incident, IncidentId, Lang, Task, TaskId, TaskState, Text, Timestamp,
};
use hudun_respond::{CaseError, Cases};
use hudun_store::{Collection, Keyed, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;
use tokio::sync::Mutex;

use crate::keys::MasterKey;

/// Care tickets.
pub struct Care {
    tickets: Collection<Ticket>,
    askers: Collection<Asker>,
    tasks: Collection<Task>,
    cases: Arc<Cases>,
    live: Live,
    cipher: ChaCha20Poly1305,
    asker_key: [u8; 32],
    /// One ticket is opened at a time, so that a person never gets two.
    turn: Mutex<()>,
}

/// Where a person is reached, and what they wrote.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Their e-mail address.
    pub address: String,
    /// What they wrote; may be empty.
    pub words: String,
    /// The language that they read.
    pub lang: Lang,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Request")
    }
}

/// A ticket at rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ticket {
    task: TaskId,
    incident: IncidentId,
    /// Keyed digest of the address.
    asker: String,
    reference: String,
    due_at: Timestamp,
    /// Nonce and ciphertext, base64.
    sealed: String,
}

/// Who has a ticket open in which case.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asker {
    incident: IncidentId,
    asker: String,
    task: TaskId,
}

impl Keyed for Ticket {
    const COLLECTION: &'static str = "care-ticket";

    fn id(&self) -> String {
        self.task.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.due_at.as_millis()
    }
}

impl Keyed for Asker {
    const COLLECTION: &'static str = "care-asker";

    fn id(&self) -> String {
        asker_id(self.incident, &self.asker)
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }
}

impl Care {
    /// The tickets of this installation.
    pub fn new(store: &Store, keys: &MasterKey, cases: Arc<Cases>, live: Live) -> Self {
        Self {
            tickets: store.collection(),
            askers: store.collection(),
            tasks: store.collection(),
            cases,
            live,
            cipher: ChaCha20Poly1305::new(&keys.derive("care-tickets").into()),
            asker_key: keys.derive("care-askers"),
            turn: Mutex::default(),
        }
    }

    /// Opens a ticket, unless this person has one open in this case. `masked` is how the address is shown in lists.
    ///
    /// # Errors
    /// [`CareError`].
    pub async fn open(
        &self,
        incident: &Incident,
        masked: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Opened, CareError> {
        let _turn = self.turn.lock().await;
        let asker = self.asker(&request.address);
        if let Some(known) = self.askers.get(&asker_id(incident.id, &asker)).await?
            && let Some(ticket) = self.tickets.get(&known.task.to_string()).await?
            && self.is_open(ticket.task).await?
        {
            return Ok(Opened {
                reference: ticket.reference,
                due_at: ticket.due_at,
                new: false,
            });
        }
        if self.tickets.count(&incident.id.to_string()).await? >= MOST_OPEN {
            return Err(CareError::Full);
        }
        let (task, reference) = (TaskId::new(), reference());
        let due_at = now.plus_millis(DUE_MS);
        let ticket = Ticket {
            task,
            incident: incident.id,
            asker: asker.clone(),
            reference: reference.clone(),
            due_at,
            sealed: self.seal(task, request).ok_or(CareError::Seal)?,
        };
        let length = request.words.chars().count();
        let task = Task {
            id: task,
            incident: incident.id,
            department: Department::Business,
            title: Text::new(
                format!("答复受影响人的求助 {reference}（{masked}）"),
                format!("Answer an affected person's request {reference} ({masked})"),
            ),
            due_at,
            state: TaskState::Open,
            by: None,
            note: match request.lang {
                Lang::Zh => format!("对方读中文 reads Chinese · 留言 message: {length} 字"),
                Lang::En => format!("对方读英文 reads English · 留言 message: {length} 字"),
            },
            changed_at: now,
        };
        // The sealed part first: a task whose person nobody can reach would be worse than a part without a task.
        self.tickets.put(&ticket).await?;
        let why = json!({ "reference": reference, "characters": length });
        if let Err(error) = self.cases.add_task(&task, "care.asked", BY, why).await {
            self.tickets.remove(&ticket.id()).await?;
            return Err(error.into());
        }
        let asker = Asker {
            incident: incident.id,
            asker,
            task: task.id,
        };
        self.askers.put(&asker).await?;
        let incident = incident.id;
        self.live.publish(now, Happening::Task { incident });
        Ok(Opened {
            reference,
            due_at,
            new: true,
        })
    }

    /// What lies sealed beside a task; `None` when it is no care ticket, or is over.
    ///
    /// # Errors
    /// [`CareError::Seal`] when it does not open: was the master key replaced?
    pub async fn read(&self, task: TaskId) -> Result<Option<(String, Request)>, CareError> {
        let Some(ticket) = self.tickets.get(&task.to_string()).await? else {
            return Ok(None);
        };
        let request = self.unseal(task, &ticket.sealed).ok_or(CareError::Seal)?;
        Ok(Some((ticket.reference, request)))
    }

    /// The tasks of a case that are care tickets and not over.
    ///
    /// # Errors
    /// [`CareError::Store`].
    pub async fn tasks(&self, incident: IncidentId) -> Result<HashSet<TaskId>, CareError> {
        let askers = self.askers.of(&incident.to_string()).await?;
        Ok(askers.into_iter().map(|asker| asker.task).collect())
    }

    /// Removes what lies beside a task: it is over.
    ///
    /// # Errors
    /// [`CareError::Store`].
    pub async fn forget(&self, task: TaskId) -> Result<(), CareError> {
        if let Some(ticket) = self.tickets.get(&task.to_string()).await? {
            self.askers
                .remove(&asker_id(ticket.incident, &ticket.asker))
                .await?;
            self.tickets.remove(&ticket.id()).await?;
        }
        Ok(())
    }

    /// Removes what lies beside tasks that are over: a crash may have come between ending and forgetting.
    ///
    /// # Errors
    /// [`CareError::Store`].
    pub async fn sweep(&self) -> Result<(), CareError> {
        for ticket in self.tickets.newest(SWEPT).await? {
            if !self.is_open(ticket.task).await? {
                self.forget(ticket.task).await?;
            }
        }
        Ok(())
    }

    async fn is_open(&self, task: TaskId) -> Result<bool, StoreError> {
        let task = self.tasks.get(&task.to_string()).await?;
        Ok(task.is_some_and(|task| !task.is_over()))
    }

    fn asker(&self, address: &str) -> String {
        // HMAC takes keys of every length, so this can't fail.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.asker_key)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
        mac.update(address.to_ascii_lowercase().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    fn seal(&self, task: TaskId, request: &Request) -> Option<String> {
        let nonce: [u8; 12] = rand::random();
        let plain = serde_json::to_vec(request).ok()?;
        let aad = task.to_string();
        let payload = Payload {
            msg: &plain,
            aad: aad.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn unseal(&self, task: TaskId, sealed: &str) -> Option<Request> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, msg) = bytes.split_first_chunk::<12>()?;
        let aad = task.to_string();
        let payload = Payload {
            msg,
            aad: aad.as_bytes(),
        };
        let plain = self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

fn asker_id(incident: IncidentId, asker: &str) -> String {
    format!("{incident}/{asker}")
}

/// Eight letters and digits that nobody mixes up when they are read out: 40 bits.
fn reference() -> String {
    let mut bits: u64 = rand::random();
    let mut text = String::new();
    for at in 0..8 {
        if at == 4 {
            text.push('-');
        }
        let letter = ALPHABET.chars().nth((bits % 32) as usize);
        text.extend(letter);
        bits /= 32;
    }
    text
}

/// Why there is no ticket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CareError {
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The case did not take the task.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The case has as many tickets open as it can have.
    #[error("the case has {MOST_OPEN} care tickets open")]
    Full,
    /// It can't be sealed, or does not open.
    #[error("a care ticket does not open; was the master key replaced?")]
    Seal,
}

const ALPHABET: &str = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Somebody answers within a day.
const DUE_MS: i64 = 24 * 3_600_000;
/// Tickets of one case that are open at one time.
const MOST_OPEN: u64 = 2_000;
/// Tickets that one sweep looks at.
const SWEPT: u32 = 10_000;
/// Who asked, on the ledger: a person, and no name.
const BY: &str = "affected-person";
