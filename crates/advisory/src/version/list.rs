//! Numbers in a row: R's `package_version` and Haskell's `Data.Version`. The shorter of two that begin alike is older.

use super::number::Number;

/// The numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<Number>);

impl Key {
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        text.split(['.', '-'])
            .map(|part| {
                let good = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                good.then(|| Number::of(part))
                    .ok_or("it is not made of numbers with . or - between them")
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
