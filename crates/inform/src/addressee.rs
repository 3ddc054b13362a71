//! Who is reached where.

use hudun_core::{BoxFuture, SubjectToken, TenantId};
use hudun_pii::Phone;

/// Knows the addresses of affected persons, from the SCRM's own records. Asked only for an approved notice; what it
/// returns is not kept beyond the letters themselves.
pub trait Addressees: Send + Sync {
    /// Those of these persons who are reached somewhere. A person whom the records know by several of the tokens is one
    /// addressee with all of them.
    fn addresses<'a>(
        &'a self,
        tenant: &'a TenantId,
        tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>>;

    /// The way back: the persons of these tenants who are reached there, however letters of an address are cased.
    /// Called only for an address or a number whose owner has proven it.
    fn reached_at<'a>(
        &'a self,
        contact: &'a Contact,
        tenants: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>>;
}

/// A person and where they are reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Addressee {
    /// The tokens that name this person.
    pub persons: Vec<SubjectToken>,
    /// E-mail address.
    pub email: Option<String>,
    /// Number that takes text messages.
    pub phone: Option<Phone>,
}

impl std::fmt::Debug for Addressee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Addressee({:?})", self.persons)
    }
}

/// Where a person is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Contact {
    /// At an e-mail address.
    Email(String),
    /// At a number.
    Phone(Phone),
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact")
    }
}
