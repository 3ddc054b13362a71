//! Synthetic firms, staff, customers, orders and chats: the same seed gives the same data, on every machine.
//!
//! No person in it exists. Check digits are valid, mobile numbers lie in real segments, mail goes to
//! `example.invalid`; beside them stand numbers that only look like personal data: order numbers of 18 digits,
//! snowflake ids, times in milliseconds.

mod canary;
mod dice;
mod people;
mod staff;
mod talk;
mod write;

pub(crate) use self::{
    canary::plant_canary,
    write::{discard_unfinished, fill_if_empty},
};
pub use self::{
    people::Person,
    staff::{DemoTenant, StaffCredential, demo_staff, demo_tenants},
    write::SeedProgress,
};

/// How much to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedPlan {
    /// The same seed gives the same data.
    pub seed: u64,
    /// Customers over all tenants; their ids are [`FIRST_CUSTOMER`] and on.
    pub customers: u32,
    /// Orders over all tenants.
    pub orders: u32,
    /// Chat messages over all tenants.
    pub messages: u32,
}

impl SeedPlan {
    /// The staff of this plan, who can log in.
    #[must_use]
    pub fn demo_staff(&self) -> Vec<StaffCredential> {
        demo_staff(self.seed)
    }
}

impl Default for SeedPlan {
    /// The demo: 20,000 customers, 200,000 orders, 100,000 messages.
    fn default() -> Self {
        Self {
            seed: 1,
            customers: 20_000,
            orders: 200_000,
            messages: 100_000,
        }
    }
}

/// The id of the first seeded customer.
pub const FIRST_CUSTOMER: i64 = 100_001;
