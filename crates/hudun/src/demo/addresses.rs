//! The addresses of the bundled SCRM's customers, asked of the SCRM when an approved notice goes out.

use std::sync::Arc;

use hudun_core::{BoxFuture, SubjectToken, TenantId};
use hudun_inform::Addressees;

use super::host::ScrmHost;
use crate::addresses::Matcher;
use crate::keys::MasterKey;

/// Asks the SCRM in this process.
pub(super) struct ScrmAddresses {
    pub(super) host: Arc<ScrmHost>,
    pub(super) keys: MasterKey,
}

impl Addressees for ScrmAddresses {
    fn addresses<'a>(
        &'a self,
        tenant: &'a TenantId,
        tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<(SubjectToken, String)>, String>> {
        Box::pin(async move {
            let directory = self.host.directory().await.ok_or("the SCRM is stopped")?;
            let emails = directory
                .emails(tenant.as_str(), "notice to affected persons")
                .await
                .map_err(|cause| cause.to_string())?;
            let mut matcher = Matcher::new(&self.keys, tenant, tokens);
            for (id, email) in &emails {
                matcher.take(&[("customer", &id.to_string())], email);
            }
            Ok(matcher.found)
        })
    }
}
