//! The addresses of the bundled SCRM's customers, asked of the SCRM when an approved notice goes out.

use std::sync::Arc;

use hudun_core::{BoxFuture, SubjectToken, TenantId};
use hudun_inform::{Addressee, Addressees, Contact};

use super::host::ScrmHost;
use crate::addresses::{Matcher, OneByOne, Search};
use crate::keys::MasterKey;

/// Asks the SCRM in this process.
pub(super) struct ScrmAddresses {
    pub(super) host: Arc<ScrmHost>,
    pub(super) keys: MasterKey,
    pub(super) questions: OneByOne,
}

impl Addressees for ScrmAddresses {
    fn addresses<'a>(
        &'a self,
        tenant: &'a TenantId,
        tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>> {
        Box::pin(async move {
            let directory = self.host.directory().await.ok_or("the SCRM is stopped")?;
            let emails = directory
                .emails(tenant.as_str(), "notice to affected persons")
                .await
                .map_err(|cause| cause.to_string())?;
            let mut matcher = Matcher::new(&self.keys, tenant, tokens);
            for (id, email) in &emails {
                matcher.take(&[("customer", &id.to_string())], email, None);
            }
            Ok(matcher.found)
        })
    }

    fn reached_at<'a>(
        &'a self,
        contact: &'a Contact,
        tenants: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>> {
        Box::pin(async move {
            let _turn = self.questions.turn().await?;
            let directory = self.host.directory().await.ok_or("the SCRM is stopped")?;
            let mut search = Search::new(&self.keys, tenants, contact);
            for tenant in tenants {
                let emails = directory
                    .emails(tenant.as_str(), "question of an affected person")
                    .await
                    .map_err(|cause| cause.to_string())?;
                for (id, email) in &emails {
                    let names = [("customer", id.to_string())];
                    let names = names.each_ref().map(|(space, id)| (*space, id.as_str()));
                    search.take(Some(tenant.as_str()), &names, email, None);
                }
            }
            Ok(search.found)
        })
    }
}
