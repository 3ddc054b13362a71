//! The canary of an export: a contact that is no person.

use sqlx::SqliteConnection;

use super::Person;
use crate::{
    error::ApiError,
    modules::customer,
    vault::{Slot, Vault},
};

/// Adds a contact that is no person to an approved export: where it turns up, the file has leaked.
pub(crate) async fn plant_canary(
    vault: &Vault,
    work: &mut SqliteConnection,
    tenant: i64,
    owner: i64,
    now: i64,
) -> Result<i64, ApiError> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO customer (tenant_id, owner_id, department, stage, gender, name, mobile, canary, created_at, updated_at)
         VALUES (?1, ?2, 0, '新客', 'unknown', x'', x'', 1, ?3, ?3) RETURNING id",
    )
    .bind(tenant)
    .bind(owner)
    .bind(now)
    .fetch_one(&mut *work)
    .await?;
    let person = Person::synthetic(rand::random(), id);
    let seal = |field, text: &str| {
        vault
            .seal(
                Slot {
                    tenant,
                    table: customer::TABLE,
                    id,
                    field,
                },
                text,
            )
            .map_err(|e| ApiError::Internal(e.to_string()))
    };
    let email = format!("c{:016x}@example.invalid", rand::random::<u64>());
    sqlx::query(
        "UPDATE customer SET name = ?1, mobile = ?2, email = ?3, address = ?4, external_userid = ?5, unionid = ?6,
             gender = ?7, stage = ?8, tags = ?9 WHERE id = ?10",
    )
    .bind(seal("name", &person.name)?)
    .bind(seal("mobile", &person.mobile)?)
    .bind(seal("email", &email)?)
    .bind(seal("address", &person.address)?)
    .bind(seal("external_userid", &person.external_userid)?)
    .bind(seal("unionid", &person.unionid)?)
    .bind(person.gender)
    .bind(person.stage)
    .bind(person.tags.join("|"))
    .bind(id)
    .execute(work)
    .await?;
    Ok(id)
}
