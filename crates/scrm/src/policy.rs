//! Who may do what, in one table. Every repository asks [`decide`] first and puts the [`Grant`] into its query.
//!
//! Nothing is allowed that the table does not name.

use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Sqlite};

use crate::{error::ApiError, http::Actor};

/// What a person is in the firm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves own customers.
    Sales,
    /// Leads a department and approves its exports.
    Manager,
    /// Serves customers who have a ticket with them.
    Service,
    /// Plans campaigns; sees numbers, no persons.
    Marketing,
    /// Reads the chat archive for a case.
    Compliance,
    /// Runs accounts; sees no business data.
    Admin,
    /// A program with a token, such as Hudun.
    Integration,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 7] = [
        Self::Sales,
        Self::Manager,
        Self::Service,
        Self::Marketing,
        Self::Compliance,
        Self::Admin,
        Self::Integration,
    ];

    /// The name in JSON and in the database.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Manager => "manager",
            Self::Service => "service",
            Self::Marketing => "marketing",
            Self::Compliance => "compliance",
            Self::Admin => "admin",
            Self::Integration => "integration",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key)
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    CustomerRead,
    CustomerWrite,
    Reveal,
    RevealLog,
    FollowRead,
    FollowWrite,
    OrderRead,
    ChatRead,
    /// The archive of any customer of the tenant; the caller gives a case number.
    ChatForCase,
    TagRead,
    TagWrite,
    CampaignRead,
    CampaignWrite,
    TicketRead,
    TicketWrite,
    Transfer,
    ExportAsk,
    ExportDecide,
    ExportSee,
    Stats,
    StaffRead,
    StaffWrite,
    SessionKill,
    AuditRead,
}

/// How far an allowed action reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Customers whom this person owns.
    Own(i64),
    /// Customers of this department.
    Department(i64),
    /// Customers with an open ticket assigned to this person.
    Tickets(i64),
    /// The whole tenant.
    Tenant,
}

/// Leave to act: in which tenant, how far, and whether personal fields are shown in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) tenant: i64,
    pub(crate) reach: Reach,
    pub(crate) clear: bool,
}

impl Grant {
    /// Adds `AND …` that keeps a query on customers `c` inside the grant. Canaries are nobody's customers.
    pub(crate) fn keep_inside(&self, sql: &mut QueryBuilder<Sqlite>) {
        sql.push(" AND c.canary = 0 AND c.tenant_id = ")
            .push_bind(self.tenant);
        match self.reach {
            Reach::Own(staff) => {
                sql.push(" AND c.owner_id = ").push_bind(staff);
            }
            Reach::Department(department) => {
                sql.push(" AND c.department = ").push_bind(department);
            }
            Reach::Tickets(staff) => {
                sql.push(" AND c.id IN (SELECT t.customer_id FROM ticket t WHERE t.state = 'open' AND t.tenant_id = ")
                    .push_bind(self.tenant)
                    .push(" AND t.assignee_id = ")
                    .push_bind(staff)
                    .push(")");
            }
            Reach::Tenant => {}
        }
    }
}

/// The table. What is not in it is refused.
pub(crate) fn decide(actor: &Actor, action: Action) -> Result<Grant, ApiError> {
    use Action as A;
    use Role as R;
    let own = Reach::Own(actor.staff);
    let department = Reach::Department(actor.department);
    let tickets = Reach::Tickets(actor.staff);
    let (reach, clear) = match (actor.role, action) {
        (R::Sales, A::CustomerRead | A::CustomerWrite | A::FollowRead | A::FollowWrite) => {
            (own, true)
        }
        (R::Sales, A::OrderRead | A::ChatRead | A::ExportAsk | A::ExportSee | A::TicketWrite) => {
            (own, true)
        }
        (R::Sales, A::TagRead | A::CampaignRead) => (Reach::Tenant, false),

        (R::Manager, A::CustomerRead | A::CustomerWrite | A::OrderRead | A::FollowRead) => {
            (department, false)
        }
        (R::Manager, A::ExportAsk | A::Reveal) => (department, true),
        (R::Manager, A::ExportDecide | A::ExportSee | A::TagRead | A::TagWrite) => {
            (Reach::Tenant, true)
        }
        (R::Manager, A::Transfer | A::TicketRead | A::TicketWrite | A::Stats) => {
            (department, false)
        }
        (R::Manager, A::CampaignRead) => (Reach::Tenant, false),

        (R::Service, A::CustomerRead | A::OrderRead | A::FollowRead | A::FollowWrite) => {
            (tickets, false)
        }
        (R::Service, A::Reveal) => (tickets, true),
        (R::Service, A::TicketRead | A::TicketWrite) => (tickets, false),
        (R::Service, A::TagRead) => (Reach::Tenant, false),

        (
            R::Marketing,
            A::Stats | A::TagRead | A::TagWrite | A::CampaignRead | A::CampaignWrite,
        ) => (Reach::Tenant, false),

        (R::Compliance, A::ChatForCase) => (Reach::Tenant, true),
        (R::Compliance, A::AuditRead | A::RevealLog) => (Reach::Tenant, false),

        (R::Admin, A::StaffRead | A::StaffWrite | A::SessionKill | A::AuditRead) => {
            (Reach::Tenant, false)
        }

        (R::Integration, A::AuditRead | A::SessionKill | A::StaffRead | A::Stats) => {
            (Reach::Tenant, false)
        }
        // Naming the persons behind Hudun's tokens is a join with these records.
        (R::Integration, A::CustomerRead) => (Reach::Tenant, true),

        _ => return Err(ApiError::Forbidden),
    };
    Ok(Grant {
        tenant: actor.tenant,
        reach,
        clear,
    })
}

/// Hides most of a value, leaving what lets a colleague recognise it.
pub(crate) mod mask {
    /// 138****0001.
    pub(crate) fn mobile(text: &str) -> String {
        ends(text, 3, 4)
    }

    /// 王**, 欧***.
    pub(crate) fn name(text: &str) -> String {
        ends(text, 1, 0)
    }

    /// The first characters of an address: province and city.
    pub(crate) fn address(text: &str) -> String {
        ends(text, 6, 0)
    }

    /// z***@example.invalid.
    pub(crate) fn email(text: &str) -> String {
        text.split_once('@').map_or_else(
            || ends(text, 1, 0),
            |(user, host)| format!("{}@{host}", ends(user, 1, 0)),
        )
    }

    /// First and last four.
    pub(crate) fn id(text: &str) -> String {
        ends(text, 4, 4)
    }

    /// Keeps `head` characters at the start and `tail` at the end; a text that is too short is hidden whole.
    fn ends(text: &str, head: usize, tail: usize) -> String {
        let count = text.chars().count();
        let kept = if count > head + tail { head } else { 0 };
        text.chars()
            .enumerate()
            .map(|(at, c)| {
                if at < kept || (kept > 0 && at >= count - tail) {
                    c
                } else {
                    '*'
                }
            })
            .collect()
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn masks_keep_length() {
            assert_eq!(super::mobile("13800000001"), "138****0001");
            assert_eq!(super::name("王小明"), "王**");
            assert_eq!(super::name("王"), "*");
            assert_eq!(
                super::email("li.na@example.invalid"),
                "l****@example.invalid"
            );
            assert_eq!(super::mobile("110"), "***");
        }
    }
}
