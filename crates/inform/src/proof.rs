//! Proofs of a hand-in: screenshots and documents that say that an authority took a report.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hudun_core::{NoticeId, Timestamp};
use hudun_store::{Collection, Keyed, Store};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::InformError;
use crate::informer::Informer;
use crate::letter::one_line;
use crate::notice::{Notice, NoticeStatus, Proof};
use crate::seal::{opened, sealed};

/// A file as it is kept: sealed, since a screenshot shows names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProofFile {
    notice: NoticeId,
    sha256: String,
    content: String,
}

impl Keyed for ProofFile {
    const COLLECTION: &'static str = "hand-in-proof";

    fn id(&self) -> String {
        name(self.notice, &self.sha256)
    }

    fn parent(&self) -> String {
        self.notice.to_string()
    }
}

/// Where proofs lie.
pub(crate) fn files(store: &Store) -> Collection<ProofFile> {
    store.collection()
}

impl Informer {
    /// Keeps a proof beside a notice that was handed in: PNG, JPEG or PDF by its content, whatever its name says.
    ///
    /// # Errors
    /// [`InformError::NotProof`] for another kind of file, one of more than 5 MiB, or more than ten of them;
    /// [`InformError::TooLate`] unless the notice was handed in.
    pub async fn attach_proof(
        &self,
        id: NoticeId,
        called: &str,
        bytes: &[u8],
        by: &str,
        at: Timestamp,
    ) -> Result<Notice, InformError> {
        let media = media_of(bytes)?;
        let _turn = self.turn.lock().await;
        let mut notice = self.get(id).await?;
        if notice.status != NoticeStatus::Recorded {
            return Err(InformError::TooLate(notice.status));
        }
        let sha256 = hex::encode(Sha256::digest(bytes));
        if notice.proofs.iter().any(|known| known.sha256 == sha256) {
            return Ok(notice);
        }
        if notice.proofs.len() >= MOST {
            return Err(InformError::NotProof("a notice has ten proofs at most"));
        }
        let key = name(id, &sha256);
        let file = ProofFile {
            notice: id,
            sha256: sha256.clone(),
            content: sealed(self.settings.seal.as_ref(), &key, STANDARD.encode(bytes))?,
        };
        // The file first: a proof on the ledger that nobody has would be worse than a file that nobody names.
        self.proofs.put(&file).await?;
        let size = bytes.len() as u64;
        let body = json!({ "notice": id, "sha256": sha256, "media": media, "bytes": size });
        self.record_of(&notice, by, "inform.proof-kept", at, body)?;
        notice.proofs.push(Proof {
            sha256,
            media: media.to_owned(),
            name: one_line(called),
            size,
        });
        self.notices.put(&notice).await?;
        Ok(notice)
    }

    /// A proof with its bytes; that it was opened goes on the ledger.
    ///
    /// # Errors
    /// [`InformError::NoSuchProof`].
    pub async fn open_proof(
        &self,
        id: NoticeId,
        sha256: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<(Proof, Vec<u8>), InformError> {
        let notice = self.get(id).await?;
        let known = notice.proofs.iter().find(|known| known.sha256 == sha256);
        let proof = known.ok_or(InformError::NoSuchProof)?.clone();
        let key = name(id, sha256);
        let file = self
            .proofs
            .get(&key)
            .await?
            .ok_or(InformError::NoSuchProof)?;
        let content = opened(self.settings.seal.as_ref(), &key, &file.content)?;
        let bytes = STANDARD
            .decode(content.as_bytes())
            .map_err(|_| InformError::NoSuchProof)?;
        let body = json!({ "notice": id, "sha256": sha256 });
        self.record_of(&notice, by, "inform.proof-opened", at, body)?;
        Ok((proof, bytes))
    }
}

fn name(notice: NoticeId, sha256: &str) -> String {
    format!("{notice}/{sha256}")
}

fn media_of(bytes: &[u8]) -> Result<&'static str, InformError> {
    if bytes.len() > LARGEST {
        return Err(InformError::NotProof("a proof has 5 MiB at most"));
    }
    let kinds: [(&[u8], _); 3] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"%PDF-", "application/pdf"),
    ];
    kinds
        .into_iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map(|(_, media)| media)
        .ok_or(InformError::NotProof("a proof is a PNG, JPEG or PDF file"))
}

/// Proofs of one notice.
const MOST: usize = 10;
/// Bytes of one proof.
const LARGEST: usize = 5 << 20;
