//! The journal of playbook runs: what was intended before it was done, and how it ended.

use sqlx::{AnyPool, Row};

use crate::StoreError;

/// One line of a run's journal. The body is the stage's own event; order and uniqueness are kept here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEventRow {
    /// Counts from 0.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// The event as JSON.
    pub body: String,
}

/// The right to go on with a run. A worker that lost it can't write any more: the fence has moved on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: String,
    /// Who holds it.
    pub holder: String,
    /// Grows with every change of holder.
    pub fence: i64,
}

/// Append-only journals of runs, with leases.
#[derive(Clone, Debug)]
pub struct RunJournal {
    pool: AnyPool,
}

impl RunJournal {
    pub(crate) const fn new(pool: AnyPool) -> Self {
        Self { pool }
    }

    /// Takes the run for `holder` until `until` (milliseconds since the epoch), when nobody holds it at `now`.
    /// The same holder takes it again with a new fence, so that its own earlier self is shut out after a restart.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn take(
        &self,
        run: &str,
        holder: &str,
        now: i64,
        until: i64,
    ) -> Result<Option<Lease>, StoreError> {
        let row = sqlx::query(
            "INSERT INTO run_lease (run, holder, fence, until) VALUES ($1, $2, 1, $3)
             ON CONFLICT (run) DO UPDATE SET holder = excluded.holder, fence = run_lease.fence + 1,
                until = excluded.until
             WHERE run_lease.until <= $4 OR run_lease.holder = excluded.holder
             RETURNING fence",
        )
        .bind(run)
        .bind(holder)
        .bind(until)
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Lease {
            run: run.to_owned(),
            holder: holder.to_owned(),
            fence: row.try_get(0)?,
        }))
    }

    /// Appends an event as number `seq` and prolongs the lease. The same number can't be written twice.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has the run, [`StoreError::Sql`].
    pub async fn append(
        &self,
        lease: &Lease,
        until: i64,
        event: &RunEventRow,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let held = sqlx::query(
            "UPDATE run_lease SET until = $1 WHERE run = $2 AND holder = $3 AND fence = $4",
        )
        .bind(until)
        .bind(&lease.run)
        .bind(&lease.holder)
        .bind(lease.fence)
        .execute(&mut *transaction)
        .await?;
        if held.rows_affected() == 0 {
            return Err(StoreError::LeaseLost(lease.run.clone()));
        }
        sqlx::query("INSERT INTO run_event (run, seq, at, body) VALUES ($1, $2, $3, $4)")
            .bind(&lease.run)
            .bind(event.seq.cast_signed())
            .bind(event.at)
            .bind(&event.body)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Gives the run back before the lease ends.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn give_back(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query("UPDATE run_lease SET until = 0 WHERE run = $1 AND holder = $2 AND fence = $3")
            .bind(&lease.run)
            .bind(&lease.holder)
            .bind(lease.fence)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// All events of a run in order.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn events(&self, run: &str) -> Result<Vec<RunEventRow>, StoreError> {
        let rows = sqlx::query("SELECT seq, at, body FROM run_event WHERE run = $1 ORDER BY seq")
            .bind(run)
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(RunEventRow {
                    seq: row.try_get::<i64, _>(0)?.cast_unsigned(),
                    at: row.try_get(1)?,
                    body: row.try_get(2)?,
                })
            })
            .collect()
    }
}
