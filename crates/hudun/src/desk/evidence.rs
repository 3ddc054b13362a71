//! The evidence pack of a case.

use std::sync::Arc;

use hudun_console::{DeskError, api, api::Caller};
use hudun_core::{IncidentId, Timestamp};
use hudun_ledger::pack::Attachment;
use serde::Serialize;

use super::error::{self, Got};
use crate::office::Office;

impl Office {
    pub(super) async fn export_evidence(&self, by: &Caller, id: IncidentId) -> Got<api::Download> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        let mut files = vec![
            attach("incident.json", &incident)?,
            attach(
                "findings.json",
                &self.cases.findings(&incident).await.map_err(error::case)?,
            )?,
        ];
        // Affected persons stand in the scope as keyed tokens: whoever lacks the tenant's key can compare them and
        // name nobody.
        if let Some(scope) = self.analyst.scope(id).await.map_err(error::analyze)? {
            files.push(attach("scope.json", &scope)?);
        }
        if let Some(duties) = self.analyst.duties(id).await.map_err(error::analyze)? {
            files.push(attach("duties.json", &duties)?);
        }
        if let Some(run) = self.run_of(&incident).await? {
            files.push(attach("run.json", &run)?);
        }
        files.push(attach(
            "patches.json",
            &self.bench.proposals(id).await.map_err(error::bench)?,
        )?);
        if let Some(proof) = self.bench.last_proof(id).await.map_err(error::bench)? {
            files.push(attach("repair.json", &proof)?);
        }
        if let Some(informer) = &self.informer {
            files.push(attach("notices.json", &informer.notices(id).await?)?);
        }
        if let Some(historian) = &self.historian
            && let Some(retrospective) = historian.retrospective(id).await?
        {
            files.push(attach("retrospective.json", &retrospective)?);
        }
        for policy in self.bus.history(MOST_REVISIONS).await.map_err(error::bus)? {
            let of_case = policy
                .restrictions()
                .any(|restriction| restriction.incident == Some(id));
            if of_case {
                files.push(attach(
                    &format!("policy/revision-{}.json", policy.revision),
                    &policy,
                )?);
            }
        }
        let (ledger, account) = (Arc::clone(&self.ledger), by.account.clone());
        let bytes = tokio::task::spawn_blocking(move || {
            ledger.export_pack(id, &incident.tenant, &account, Timestamp::now(), &files)
        })
        .await
        .map_err(|cause| DeskError::Internal(cause.to_string()))?
        .map_err(|cause| DeskError::Internal(cause.to_string()))?;
        self.live
            .publish(Timestamp::now(), api::Happening::Timeline { incident: id });
        Ok(api::Download {
            name: format!("{id}.hudun"),
            media_type: "application/x-tar".to_owned(),
            bytes,
        })
    }
}

fn attach(name: &str, value: &impl Serialize) -> Got<Attachment> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|cause| DeskError::Internal(format!("{name}: {cause}")))?;
    Ok(Attachment {
        name: name.to_owned(),
        bytes,
    })
}

/// Revisions that are looked through.
const MOST_REVISIONS: u32 = 200;
