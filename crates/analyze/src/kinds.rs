//! From the kinds that the lake counts to the kinds that law knows, and counts by the latter.

use std::collections::{BTreeMap, BTreeSet};

use hudun_core::{DataKind, KindSet, Scope, SubjectToken};
use hudun_duty::{Count, DataKind as Lawful};
use sha2::{Digest, Sha256};

/// The kind of the law book for a kind of the lake. `None` only for a kind that this build does not know yet.
pub const fn to_duty_kind(kind: DataKind) -> Option<Lawful> {
    Some(match kind {
        DataKind::Name => Lawful::Name,
        DataKind::Mobile => Lawful::Mobile,
        DataKind::Email => Lawful::Email,
        DataKind::Address => Lawful::Address,
        DataKind::ResidentId => Lawful::ResidentId,
        DataKind::Passport => Lawful::Passport,
        DataKind::BankCard => Lawful::BankCard,
        DataKind::Plate => Lawful::Plate,
        DataKind::WechatId => Lawful::WechatId,
        DataKind::OpenId => Lawful::Openid,
        DataKind::UnionId => Lawful::Unionid,
        DataKind::ExternalUserId => Lawful::ExternalUserid,
        DataKind::Qq => Lawful::Qq,
        DataKind::Birthday => Lawful::Birthday,
        DataKind::Gender => Lawful::Gender,
        DataKind::Ip => Lawful::Device,
        DataKind::Transaction => Lawful::Order,
        DataKind::Conversation => Lawful::Chat,
        DataKind::Location => Lawful::Location,
        DataKind::Profile => Lawful::Preference,
        // A credit code names the firm that a person works for or trades as.
        DataKind::Employment | DataKind::Uscc => Lawful::Employer,
        DataKind::Credential => Lawful::Password,
        _ => return None,
    })
}

/// SHA-256 over the sorted tokens, each once, one in a line, as `sha256:` and hex: the same set, the same digest.
pub fn affected_set_digest(tokens: impl IntoIterator<Item = SubjectToken>) -> String {
    let sorted: BTreeSet<SubjectToken> = tokens.into_iter().collect();
    let mut hasher = Sha256::new();
    for token in sorted {
        hasher.update(token.to_string().as_bytes());
        hasher.update(b"\n");
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}

/// The kinds of the law book in a set.
pub(crate) fn lawful(kinds: KindSet) -> BTreeSet<Lawful> {
    kinds.iter().filter_map(to_duty_kind).collect()
}

/// Persons by kind of the law book.
pub(crate) fn counts(scope: &Scope) -> BTreeMap<Lawful, Count> {
    let mut kinds: BTreeMap<Lawful, Count> = BTreeMap::new();
    for row in &scope.kinds {
        let Some(kind) = to_duty_kind(row.kind) else {
            continue;
        };
        // Two kinds of the lake may be one of the law: a person of both counts once, so the sum is only a bound.
        let count = kinds.entry(kind).or_default();
        count.low = count.low.max(row.low);
        count.high = count.high.saturating_add(row.high).min(scope.high);
    }
    for (_, kinds_of_one) in &scope.subjects {
        for kind in lawful(*kinds_of_one) {
            kinds.entry(kind).or_default().likely += 1;
        }
    }
    for count in kinds.values_mut() {
        settle(count);
    }
    kinds
}

/// Persons of whom sensitive data (PIPL 28) left.
pub(crate) fn sensitive(scope: &Scope, kinds: &BTreeMap<Lawful, Count>) -> Count {
    let of_kind = || kinds.iter().filter(|(kind, _)| kind.is_sensitive());
    let likely = scope
        .subjects
        .iter()
        .filter(|(_, kinds)| lawful(*kinds).iter().any(|kind| kind.is_sensitive()))
        .count() as u64;
    let sum = of_kind().fold(0u64, |sum, (_, count)| sum.saturating_add(count.high));
    let mut count = Count {
        low: of_kind().map(|(_, count)| count.low).max().unwrap_or(0),
        likely,
        high: sum.min(scope.high),
    };
    settle(&mut count);
    count
}

/// Keeps low ≤ likely ≤ high.
fn settle(count: &mut Count) {
    count.low = count.low.min(count.likely);
    count.high = count.high.max(count.likely);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_lake_has_one_in_the_law_book() {
        for kind in DataKind::ALL {
            assert!(to_duty_kind(kind).is_some(), "{kind:?}");
        }
    }

    #[test]
    fn what_core_weighs_as_sensitive_law_weighs_so_too() {
        for kind in DataKind::ALL {
            if kind.sensitivity() == hudun_core::Sensitivity::Sensitive {
                assert!(to_duty_kind(kind).unwrap().is_sensitive(), "{kind:?}");
            }
        }
    }
}
