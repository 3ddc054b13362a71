//! The attack of each case as it was recorded, until the case is closed.
//!
//! A root fix comes days after the attack, when Hudun may have been restarted; its proof needs the requests of the attack.
//! Their values are personal data and attack code, so they are written down only sealed: ChaCha20-Poly1305 under a key
//! derived from the master key, with the case as associated data. Cookies and authorisations are left out: a replay
//! enters with a session of its own. Closing the case removes them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hudun_core::IncidentId;
use hudun_policy::Recorded;
use hudun_store::{Collection, Keyed, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::keys::MasterKey;

/// Recorded attacks, in memory and sealed in the store.
pub struct Attacks {
    sealed: Collection<SealedAttack>,
    cipher: ChaCha20Poly1305,
    known: Mutex<HashMap<IncidentId, Vec<Arc<Recorded>>>>,
}

/// An attack at rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SealedAttack {
    incident: IncidentId,
    /// Nonce and ciphertext, base64.
    sealed: String,
}

impl Keyed for SealedAttack {
    const COLLECTION: &'static str = "sealed-attack";

    fn id(&self) -> String {
        self.incident.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        0
    }
}

impl Attacks {
    /// Those of this installation.
    pub fn new(store: &Store, keys: &MasterKey) -> Self {
        Self {
            sealed: store.collection(),
            cipher: ChaCha20Poly1305::new(&keys.derive("attack-recordings").into()),
            known: Mutex::default(),
        }
    }

    /// Joins what is recorded of the attack now with what was before, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be kept.
    pub async fn remember(
        &self,
        incident: IncidentId,
        fresh: Vec<Arc<Recorded>>,
    ) -> Result<Vec<Arc<Recorded>>, StoreError> {
        let held = self.known().get(&incident).cloned();
        let mut attack = match held {
            Some(attack) => attack,
            None => self.read(incident).await?,
        };
        let before = attack.len();
        for exchange in fresh {
            let new = attack
                .iter()
                .all(|earlier| earlier.exchange != exchange.exchange);
            if new && attack.len() < MOST_ATTACK {
                attack.push(exchange);
            }
        }
        if attack.len() > before
            && let Some(sealed) = self.seal(incident, &attack)
        {
            self.sealed.put(&sealed).await?;
        }
        let mut known = self.known();
        if !known.contains_key(&incident) && known.len() >= MOST_CASES {
            // The oldest is still in the store.
            let oldest = known.keys().min().copied();
            if let Some(oldest) = oldest {
                known.remove(&oldest);
            }
        }
        known.insert(incident, attack.clone());
        Ok(attack)
    }

    /// Removes what was recorded: the case is closed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, incident: IncidentId) -> Result<(), StoreError> {
        self.known().remove(&incident);
        self.sealed.remove(&incident.to_string()).await?;
        Ok(())
    }

    /// Removes those of cases that are closed: a crash may have come between closing and forgetting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(
        &self,
        is_closed: impl AsyncFn(IncidentId) -> bool,
    ) -> Result<(), StoreError> {
        for sealed in self.sealed.newest(SWEPT).await? {
            if is_closed(sealed.incident).await {
                self.forget(sealed.incident).await?;
            }
        }
        Ok(())
    }

    async fn read(&self, incident: IncidentId) -> Result<Vec<Arc<Recorded>>, StoreError> {
        let Some(sealed) = self.sealed.get(&incident.to_string()).await? else {
            return Ok(Vec::new());
        };
        let opened = self.open(&sealed);
        if opened.is_none() {
            tracing::error!(
                %incident,
                "the recorded attack can't be opened: was the master key replaced? A fix can be proven only on an attack \
                 that is still in the recent traffic"
            );
        }
        Ok(opened.unwrap_or_default())
    }

    fn seal(&self, incident: IncidentId, attack: &[Arc<Recorded>]) -> Option<SealedAttack> {
        let mut plain = b"[".to_vec();
        for exchange in attack {
            let mut bare = Recorded::clone(exchange);
            bare.view
                .headers
                .retain(|(name, _)| !SECRET_HEADERS.contains(&name.as_str()));
            let text = serde_json::to_vec(&bare).ok()?;
            if plain.len() + text.len() > MOST_BYTES {
                tracing::warn!(%incident, "the attack is long: its later requests are kept in memory only");
                break;
            }
            if plain.len() > 1 {
                plain.push(b',');
            }
            plain.extend(text);
        }
        plain.push(b']');
        let nonce: [u8; 12] = rand::random();
        let aad = incident.to_string();
        let payload = Payload {
            msg: &plain,
            aad: aad.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(SealedAttack {
            incident,
            sealed: STANDARD.encode([nonce.as_slice(), &sealed].concat()),
        })
    }

    fn open(&self, sealed: &SealedAttack) -> Option<Vec<Arc<Recorded>>> {
        let bytes = STANDARD.decode(&sealed.sealed).ok()?;
        let (nonce, msg) = bytes.split_first_chunk::<12>()?;
        let aad = sealed.incident.to_string();
        let payload = Payload {
            msg,
            aad: aad.as_bytes(),
        };
        let plain = self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()?;
        let attack: Vec<Recorded> = serde_json::from_slice(&plain).ok()?;
        Some(attack.into_iter().map(Arc::new).collect())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<IncidentId, Vec<Arc<Recorded>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Attacks that one sweep looks at.
const SWEPT: u32 = 200;
/// Cases whose attack is in memory.
const MOST_CASES: usize = 32;
/// Exchanges of one attack that are kept.
const MOST_ATTACK: usize = 2_000;
/// Bytes of one attack at rest, before sealing.
const MOST_BYTES: usize = 4 << 20;
/// What lets somebody in.
const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-csrf-token",
];

#[cfg(test)]
mod tests {
    use hudun_core::{Actor, ExchangeId, KindSet, Timestamp};
    use hudun_policy::ResponseFacts;
    use hudun_profile::{RequestView, Resolution, ResolvedRoute};

    use super::*;

    fn recorded(value: &str) -> Arc<Recorded> {
        let headers = [("cookie", "s=secret"), ("accept", "application/json")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let route = ResolvedRoute {
            id: "customer.search".parse().unwrap(),
            module: "customers".parse().unwrap(),
            at: Some(3),
            params: vec![],
            shown: "/api/customers".into(),
        };
        Arc::new(Recorded {
            exchange: ExchangeId::new(),
            at: Timestamp::from_millis(1),
            view: RequestView::new(
                "GET",
                "/api/customers",
                Some(&format!("q={value}")),
                headers.to_vec(),
            )
            .unwrap(),
            resolution: Resolution {
                routes: vec![route],
                needs_body: false,
            },
            actor: Actor::unknown("203.0.113.7".parse().unwrap()),
            tenant: "acme".parse().unwrap(),
            session_since: None,
            login_account: None,
            status: 200,
            answer: Some(ResponseFacts {
                rows: 2,
                foreign_rows: 1,
                kinds: KindSet::of(&[]),
            }),
        })
    }

    #[tokio::test]
    async fn an_attack_outlives_the_process_sealed_and_without_secrets_until_the_case_closes() {
        let folder = tempfile::tempdir().unwrap();
        let keys = MasterKey::open(&folder.path().join("master.key")).unwrap();
        let file = folder.path().join("state.db");
        let incident = IncidentId::new();
        let first = recorded("zhangsan'or'1'='1");
        {
            let store = Store::open_file(&file).await.unwrap();
            let attacks = Attacks::new(&store, &keys);
            let kept = attacks.remember(incident, vec![Arc::clone(&first)]).await;
            assert_eq!(kept.unwrap().len(), 1);
            store.close().await;
        }
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("zhangsan") && !text.contains("secret"));
        }
        let store = Store::open_file(&file).await.unwrap();
        let attacks = Attacks::new(&store, &keys);
        let second = recorded("2");
        let both = attacks
            .remember(incident, vec![Arc::clone(&first), second])
            .await
            .unwrap();
        assert_eq!(both.len(), 2);
        let again = &both[0];
        assert_eq!(again.exchange, first.exchange);
        assert_eq!(again.view.query, first.view.query);
        assert_eq!(again.answer, first.answer);
        assert_eq!(again.resolution, first.resolution);
        assert_eq!(again.view.header("cookie"), None);
        assert_eq!(again.view.header("accept"), Some("application/json"));

        // Under another key it can't be opened, and nothing breaks.
        let other = MasterKey::open(&folder.path().join("other.key")).unwrap();
        let stranger = Attacks::new(&store, &other);
        assert_eq!(stranger.remember(incident, vec![]).await.unwrap().len(), 0);
        attacks.sweep(async |_| false).await.unwrap();
        let kept = Attacks::new(&store, &keys).remember(incident, vec![]).await;
        assert_eq!(kept.unwrap().len(), 2);
        attacks.sweep(async |case| case == incident).await.unwrap();
        let gone = Attacks::new(&store, &keys).remember(incident, vec![]).await;
        assert_eq!(gone.unwrap().len(), 0);
    }
}
