//! Addresses of customers, for whoever must tell them what happened to their data.

use std::sync::{Arc, Weak};

use crate::{
    app::{App, Inner},
    audit::AuditEntry,
    clock,
    error::Error,
    vault::Slot,
};

/// The way to the addresses. It outlives the SCRM, and then finds it closed.
#[derive(Clone)]
pub struct Directory {
    app: Weak<Inner>,
}

impl Directory {
    pub(crate) fn new(app: &App) -> Self {
        Self {
            app: Arc::downgrade(app),
        }
    }

    /// The customers of a tenant who have an e-mail address: id and address, by id. Planted records are left out. The
    /// reading stands in the audit log, with `reason`.
    ///
    /// # Errors
    /// [`Error::Closed`] when the SCRM has been stopped, [`Error::Unknown`] for the tenant; the database or a key fails.
    pub async fn emails(&self, tenant: &str, reason: &str) -> Result<Vec<(i64, String)>, Error> {
        let app = self.app.upgrade().ok_or(Error::Closed)?;
        let number: Option<i64> = sqlx::query_scalar("SELECT id FROM tenant WHERE key = ?1")
            .bind(tenant)
            .fetch_optional(&app.db)
            .await?;
        let number = number.ok_or_else(|| Error::Unknown {
            what: "tenant",
            name: tenant.to_owned(),
        })?;
        let sealed: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT id, email FROM customer WHERE tenant_id = ?1 AND email IS NOT NULL AND canary = 0 ORDER BY id",
        )
        .bind(number)
        .fetch_all(&app.db)
        .await?;
        let mut found = Vec::with_capacity(sealed.len());
        for (id, email) in sealed {
            let slot = Slot {
                tenant: number,
                table: "customer",
                id,
                field: "email",
            };
            let email = app
                .vault
                .open_value(slot, &email)
                .map_err(|_| Error::Seal(format!("customer {id}: the e-mail does not open")))?;
            found.push((id, email));
        }
        let entry = AuditEntry {
            time: clock::text(clock::now()),
            tenant: Some(tenant.to_owned()),
            address: "local".to_owned(),
            action: "customer.addresses".to_owned(),
            rows: found.len() as u64,
            status: 200,
            note: Some(reason.to_owned()),
            ..AuditEntry::default()
        };
        app.audit.append(entry).map_err(|source| Error::Io {
            path: "audit.jsonl".into(),
            source,
        })?;
        Ok(found)
    }
}
