//! Filling an empty database: everything in one transaction, many rows per statement.

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use sqlx::{
    Connection, QueryBuilder, Sqlite, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::{
    FIRST_CUSTOMER, Person, SeedPlan, demo_staff, demo_tenants,
    dice::Dice,
    staff::{Member, members},
    talk,
};
use crate::{
    app::DATABASE,
    clock,
    error::Error,
    modules::{customer, search},
    password,
    policy::Role,
    vault::{Slot, Vault},
};

/// How far the seeding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedProgress {
    /// What is being made: `staff`, `customers`, `orders`, `messages`.
    pub what: &'static str,
    /// How many are there.
    pub done: u32,
    /// How many there will be.
    pub of: u32,
}

/// Removes what an interrupted seeding left. While the marker stands nobody has used the data yet.
pub(crate) fn discard_unfinished(dir: &Path) -> Result<(), Error> {
    if !dir.join(MARKER).exists() {
        return Ok(());
    }
    tracing::warn!(folder = %dir.display(), "an earlier seeding was interrupted: starting it again");
    // The marker goes last, so that this too may be interrupted.
    for name in ["scrm.db-wal", "scrm.db-shm", DATABASE, "keys.json", MARKER] {
        let path = dir.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Io { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Seeds when there is no tenant yet; gives the keys either way.
pub(crate) async fn fill_if_empty(
    plan: &SeedPlan,
    db: &SqlitePool,
    keys: &Path,
    dir: &Path,
    mut progress: impl FnMut(SeedProgress) + Send,
) -> Result<Vault, Error> {
    let marker = dir.join(MARKER);
    let present: Vec<i64> = sqlx::query_scalar("SELECT id FROM tenant ORDER BY id")
        .fetch_all(db)
        .await?;
    if !present.is_empty() {
        return Vault::open(keys, &present);
    }
    for (field, value, limit) in [
        ("customers", plan.customers, 1_000_000),
        ("orders", plan.orders, 5_000_000),
        ("messages", plan.messages, 5_000_000),
    ] {
        if value > limit {
            return Err(Error::SeedPlan {
                field,
                value,
                limit,
            });
        }
    }
    let vault = Vault::open(keys, &demo_tenants().map(|t| t.id))?;
    // With synchronous off a power cut could leave a damaged file, so a marker stands there meanwhile.
    let io = |source| Error::Io {
        path: marker.clone(),
        source,
    };
    fs::write(&marker, b"").map_err(io)?;
    let options: SqliteConnectOptions = (*db.connect_options()).clone();
    let options = options
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .busy_timeout(Duration::from_secs(5));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let mut work = connection.begin().await?;
    Filling {
        plan,
        vault: &vault,
        members: members(),
        now: SEEDED_AT,
    }
    .run(&mut work, &mut progress)
    .await?;
    work.commit().await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize;")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    fs::File::open(dir.join(DATABASE))
        .and_then(|file| file.sync_all())
        .map_err(io)?;
    fs::remove_file(&marker).map_err(io)?;
    Ok(vault)
}

struct Filling<'a> {
    plan: &'a SeedPlan,
    vault: &'a Vault,
    members: Vec<Member>,
    now: i64,
}

impl Filling<'_> {
    async fn run(
        &self,
        work: &mut SqliteConnection,
        progress: &mut (impl FnMut(SeedProgress) + Send),
    ) -> Result<(), Error> {
        self.tenants(work).await?;
        self.staff(work).await?;
        let people = self.members.len() as u32;
        progress(SeedProgress {
            what: "staff",
            done: people,
            of: people,
        });
        for (what, of) in [
            ("customers", self.plan.customers),
            ("orders", self.plan.orders),
            ("messages", self.plan.messages),
        ] {
            let mut done = 0;
            while done < of {
                let until = of.min(done + BATCH);
                match what {
                    "customers" => self.customers(work, done..until).await?,
                    "orders" => self.orders(work, done..until).await?,
                    _ => self.messages(work, done..until).await?,
                }
                done = until;
                if done % (BATCH * 10) == 0 || done == of {
                    progress(SeedProgress { what, done, of });
                }
            }
        }
        self.follow_ups(work).await?;
        self.tickets_and_campaigns(work).await
    }

    async fn tenants(&self, work: &mut SqliteConnection) -> Result<(), Error> {
        for tenant in demo_tenants() {
            sqlx::query("INSERT INTO tenant (id, key, name_zh, name_en) VALUES (?1, ?2, ?3, ?4)")
                .bind(tenant.id)
                .bind(tenant.key)
                .bind(tenant.name_zh)
                .bind(tenant.name_en)
                .execute(&mut *work)
                .await?;
            for name in TAGS {
                sqlx::query("INSERT INTO tag (tenant_id, name) VALUES (?1, ?2)")
                    .bind(tenant.id)
                    .bind(name)
                    .execute(&mut *work)
                    .await?;
            }
        }
        Ok(())
    }

    /// Argon2 is slow on purpose, so the forty hashes are made on all cores.
    async fn staff(&self, work: &mut SqliteConnection) -> Result<(), Error> {
        let mut hashes = Vec::new();
        for person in demo_staff(self.plan.seed) {
            hashes.push(tokio::task::spawn_blocking(move || {
                password::hash(&person.password)
            }));
        }
        for (member, hash) in self.members.iter().zip(hashes) {
            let hash = hash.await.map_err(|e| Error::Password(e.to_string()))??;
            insert_staff(work, member.id, member, Some(hash)).await?;
        }
        let firsts = demo_tenants().map(|t| self.members.iter().find(|m| m.tenant.id == t.id));
        for (at, first) in firsts.into_iter().flatten().enumerate() {
            let program = Member {
                role: Role::Integration,
                name: "hudun",
                display_name: "Hudun",
                ..*first
            };
            insert_staff(
                work,
                self.members.len() as i64 + 1 + at as i64,
                &program,
                None,
            )
            .await?;
        }
        Ok(())
    }

    async fn customers(
        &self,
        work: &mut SqliteConnection,
        range: std::ops::Range<u32>,
    ) -> Result<(), Error> {
        let mut rows = Vec::with_capacity(range.len());
        let mut words = Vec::new();
        for at in range {
            let id = FIRST_CUSTOMER + i64::from(at);
            let person = Person::synthetic(self.plan.seed, id);
            let owner = self.owner(id);
            let tenant = owner.tenant.id;
            let seal = |field, text: &str| {
                self.vault.seal(
                    Slot {
                        tenant,
                        table: customer::TABLE,
                        id,
                        field,
                    },
                    text,
                )
            };
            let maybe =
                |field, text: &Option<String>| text.as_ref().map(|t| seal(field, t)).transpose();
            let tags = person.tags.join("|");
            for word in search::words(
                self.vault,
                tenant,
                &person.name,
                &person.mobile,
                &tags,
                person.stage,
            ) {
                words.push((tenant, word, id));
            }
            rows.push(CustomerRow {
                id,
                owner,
                stage: person.stage,
                gender: person.gender,
                tags,
                name: seal("name", &person.name)?,
                mobile: seal("mobile", &person.mobile)?,
                email: maybe("email", &person.email)?,
                birthday: seal("birthday", &person.birthday)?,
                address: seal("address", &person.address)?,
                resident_id: maybe("resident_id", &person.resident_id)?,
                external_userid: seal("external_userid", &person.external_userid)?,
                unionid: seal("unionid", &person.unionid)?,
                remark: maybe("remark", &person.remark)?,
                at: self.now - i64::from(at % 700 + 30) * clock::DAY,
            });
        }
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO customer (id, tenant_id, owner_id, department, stage, gender, tags, name, mobile, email, birthday,
             address, resident_id, external_userid, unionid, remark, created_at, updated_at) ",
        );
        insert.push_values(rows, |mut row, c| {
            row.push_bind(c.id)
                .push_bind(c.owner.tenant.id)
                .push_bind(c.owner.id)
                .push_bind(c.owner.department);
            row.push_bind(c.stage)
                .push_bind(c.gender)
                .push_bind(c.tags)
                .push_bind(c.name)
                .push_bind(c.mobile);
            row.push_bind(c.email)
                .push_bind(c.birthday)
                .push_bind(c.address)
                .push_bind(c.resident_id);
            row.push_bind(c.external_userid)
                .push_bind(c.unionid)
                .push_bind(c.remark)
                .push_bind(c.at)
                .push_bind(c.at);
        });
        insert.build().execute(&mut *work).await?;
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO customer_token (tenant_id, token, customer_id) ",
        );
        insert.push_values(words, |mut row, (tenant, word, id)| {
            row.push_bind(tenant).push_bind(word).push_bind(id);
        });
        insert.build().persistent(false).execute(work).await?;
        Ok(())
    }

    async fn orders(
        &self,
        work: &mut SqliteConnection,
        range: std::ops::Range<u32>,
    ) -> Result<(), Error> {
        if self.plan.customers == 0 {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(range.len());
        for at in range {
            let id = i64::from(at) + 1;
            let mut dice = Dice::of(self.plan.seed, 3, u64::from(at));
            let customer = self.some_customer(&mut dice);
            let person = Person::synthetic(self.plan.seed, customer);
            let tenant = self.owner(customer).tenant.id;
            let created = self.now - dice.between(0, 700 * clock::DAY);
            let (items, amount) = talk::basket(&mut dice);
            let ship_to = json!({"receiver": person.name, "mobile": person.mobile, "address": person.address});
            let sealed = self.vault.seal(
                Slot {
                    tenant,
                    table: "sales_order",
                    id,
                    field: "ship_to",
                },
                &ship_to.to_string(),
            )?;
            let number = talk::order_number(&mut dice, created);
            let trade = talk::snowflake(&mut dice);
            rows.push((
                id,
                tenant,
                customer,
                number,
                trade,
                *dice.pick(&ORDER_STATES),
                amount,
                items,
                sealed,
                created,
            ));
        }
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO sales_order (id, tenant_id, customer_id, order_no, trade_id, state, amount, items, ship_to, created_at) ",
        );
        insert.push_values(rows, |mut row, (id, tenant, customer, number, trade, state, amount, items, sealed, created)| {
            row.push_bind(id).push_bind(tenant).push_bind(customer).push_bind(number).push_bind(trade);
            row.push_bind(state).push_bind(amount).push_bind(items).push_bind(sealed).push_bind(created);
        });
        insert.build().execute(work).await?;
        Ok(())
    }

    async fn messages(
        &self,
        work: &mut SqliteConnection,
        range: std::ops::Range<u32>,
    ) -> Result<(), Error> {
        if self.plan.customers == 0 {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(range.len());
        for at in range {
            let id = i64::from(at) + 1;
            let mut dice = Dice::of(self.plan.seed, 4, u64::from(at));
            let customer = self.some_customer(&mut dice);
            let person = Person::synthetic(self.plan.seed, customer);
            let tenant = self.owner(customer).tenant.id;
            let incoming = dice.percent(50);
            let text = talk::message(&mut dice, &person, incoming);
            let sealed = self.vault.seal(
                Slot {
                    tenant,
                    table: "chat_message",
                    id,
                    field: "body",
                },
                &text,
            )?;
            let created = self.now - dice.between(0, 180 * clock::DAY);
            rows.push((
                id,
                tenant,
                customer,
                if incoming { "in" } else { "out" },
                sealed,
                created,
            ));
        }
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO chat_message (id, tenant_id, customer_id, direction, body, created_at) ",
        );
        insert.push_values(
            rows,
            |mut row, (id, tenant, customer, direction, sealed, created)| {
                row.push_bind(id)
                    .push_bind(tenant)
                    .push_bind(customer)
                    .push_bind(direction)
                    .push_bind(sealed)
                    .push_bind(created);
            },
        );
        insert.build().execute(work).await?;
        Ok(())
    }

    /// One follow-up for every fourth customer.
    async fn follow_ups(&self, work: &mut SqliteConnection) -> Result<(), Error> {
        for at in (0..self.plan.customers).step_by(4) {
            let customer = FIRST_CUSTOMER + i64::from(at);
            let owner = self.owner(customer);
            let id = i64::from(at / 4) + 1;
            let mut dice = Dice::of(self.plan.seed, 5, u64::from(at));
            let slot = Slot {
                tenant: owner.tenant.id,
                table: "follow_up",
                id,
                field: "note",
            };
            sqlx::query(
                "INSERT INTO follow_up (id, tenant_id, customer_id, staff_id, kind, note, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .bind(id)
            .bind(owner.tenant.id)
            .bind(customer)
            .bind(owner.id)
            .bind(*dice.pick(&["call", "message", "visit"]))
            .bind(self.vault.seal(slot, dice.word(&FOLLOW_NOTES))?)
            .bind(self.now - dice.between(0, 90 * clock::DAY))
            .execute(&mut *work)
            .await?;
        }
        Ok(())
    }

    /// An open ticket for every hundredth customer, and two campaigns a tenant.
    async fn tickets_and_campaigns(&self, work: &mut SqliteConnection) -> Result<(), Error> {
        for at in (0..self.plan.customers).step_by(100) {
            let customer = FIRST_CUSTOMER + i64::from(at);
            let tenant = self.owner(customer).tenant.id;
            let mut dice = Dice::of(self.plan.seed, 6, u64::from(at));
            let agents: Vec<i64> = self
                .members
                .iter()
                .filter(|m| m.tenant.id == tenant && m.role == Role::Service)
                .map(|m| m.id)
                .collect();
            if agents.is_empty() {
                continue;
            }
            sqlx::query(
                "INSERT INTO ticket (tenant_id, customer_id, assignee_id, title, state, created_at)
                 VALUES (?1, ?2, ?3, ?4, 'open', ?5)",
            )
            .bind(tenant)
            .bind(customer)
            .bind(*dice.pick(&agents))
            .bind(*dice.pick(&TICKETS))
            .bind(self.now - dice.between(0, 20 * clock::DAY))
            .execute(&mut *work)
            .await?;
        }
        for (tenant, (title, audience)) in demo_tenants()
            .into_iter()
            .flat_map(|t| CAMPAIGNS.map(|c| (t, c)))
        {
            sqlx::query(
                "INSERT INTO campaign (tenant_id, title, body, audience, reach, state, created_by, created_at)
                 SELECT ?1, ?2, ?2, ?3, (SELECT count(*) FROM customer_token WHERE tenant_id = ?1 AND token = ?3), 'sent',
                        id, ?4 FROM staff WHERE tenant_id = ?1 AND role = 'marketing' LIMIT 1",
            )
            .bind(tenant.id)
            .bind(title)
            .bind(audience)
            .bind(self.now - 3 * clock::DAY)
            .execute(&mut *work)
            .await?;
        }
        Ok(())
    }

    fn some_customer(&self, dice: &mut Dice) -> i64 {
        FIRST_CUSTOMER + dice.between(0, i64::from(self.plan.customers) - 1)
    }

    /// Any of the sales of all firms: neighbours in the row of ids mostly belong to different people and firms.
    fn owner(&self, customer: i64) -> &Member {
        let mut dice = Dice::of(self.plan.seed, 7, customer.unsigned_abs());
        loop {
            let member = dice.pick(&self.members);
            if member.role == Role::Sales {
                return member;
            }
        }
    }
}

struct CustomerRow<'a> {
    id: i64,
    owner: &'a Member,
    stage: &'static str,
    gender: &'static str,
    tags: String,
    name: Vec<u8>,
    mobile: Vec<u8>,
    email: Option<Vec<u8>>,
    birthday: Vec<u8>,
    address: Vec<u8>,
    resident_id: Option<Vec<u8>>,
    external_userid: Vec<u8>,
    unionid: Vec<u8>,
    remark: Option<Vec<u8>>,
    at: i64,
}

async fn insert_staff(
    work: &mut SqliteConnection,
    id: i64,
    member: &Member,
    hash: Option<String>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO staff (id, tenant_id, account, password, role, department, display_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(id)
    .bind(member.tenant.id)
    .bind(format!("{}@{}", member.name, member.tenant.key))
    .bind(hash)
    .bind(member.role.key())
    .bind(member.department)
    .bind(member.display_name)
    .execute(work)
    .await?;
    Ok(())
}

/// Stands in the data folder while it is being seeded.
const MARKER: &str = "seeding";
/// Rows per statement.
const BATCH: u32 = 500;
/// The data is as of this moment (2026-11-01), whenever it is made.
const SEEDED_AT: i64 = 1_793_491_200_000;
const TAGS: [&str; 13] = [
    "高价值",
    "普通会员",
    "银卡",
    "金卡",
    "黑金",
    "爱拼单",
    "宝妈",
    "敏感肌",
    "送礼",
    "价格敏感",
    "直播来的",
    "门店来的",
    "老客推荐",
];
const ORDER_STATES: [&str; 4] = ["paid", "shipped", "received", "refunded"];
const FOLLOW_NOTES: [&str; 6] = [
    "回访，对上次的面霜满意，想等双十二再买",
    "电话没人接，改发消息",
    "约了周末到店试用",
    "问了会员权益，已经解释清楚",
    "说预算有点紧，下个月再联系",
    "介绍了一位朋友，已经加上",
];
const TICKETS: [&str; 5] = [
    "退换货进度",
    "发票抬头更改",
    "包裹破损",
    "积分没到账",
    "地址填错了",
];
const CAMPAIGNS: [(&str, &str); 2] = [("金卡会员双十二预告", "金卡"), ("宝妈专场上新", "宝妈")];
