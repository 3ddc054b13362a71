//! What the orders share.

use std::cmp::Ordering;

/// Gives a type with its own `Ord` the equality and the partial order that follow from it.
macro_rules! by_cmp {
    ($name:ty) => {
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $name {}
    };
}

pub(super) use by_cmp;

/// Compares place by place; the shorter list is filled up with `none`.
pub(super) fn filled<T>(
    one: &[T],
    two: &[T],
    none: &T,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Ordering {
    (0..one.len().max(two.len()))
        .map(|at| compare(one.get(at).unwrap_or(none), two.get(at).unwrap_or(none)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
