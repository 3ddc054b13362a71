//! Which kind a field that nobody has declared seems to hold: a vote over its values.

use std::collections::BTreeMap;

use hudun_core::{DataKind, KindSet};

use crate::context::{is_han_name, passport, plate};
use crate::detect::{Hints, detect};

/// Collects values per field and proposes what the fields hold. It keeps counts, never values.
#[derive(Clone, Debug, Default)]
pub struct Proposer {
    fields: BTreeMap<String, Tally>,
    /// Fields left out because there were too many.
    left_out: u64,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    values: u64,
    votes: BTreeMap<DataKind, u64>,
}

/// What a field seems to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The field as it was given to [`Proposer::see`].
    pub path: String,
    /// The kind that most of its values look like.
    pub kind: DataKind,
    /// The share of the values that look like it, from 0 to 1.
    pub share: f64,
    /// How many values were seen, empty ones left out.
    pub values: u64,
}

const MAX_FIELDS: usize = 4_096;
/// A field is proposed from this share of its values on.
const SHARE: f64 = 0.6;
const FEWEST: u64 = 3;

impl Proposer {
    /// A proposer that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at one value of a field.
    pub fn see(&mut self, path: &str, value: &str) {
        let value = value.trim();
        if value.is_empty() || value == "null" {
            return;
        }
        if self.fields.len() >= MAX_FIELDS && !self.fields.contains_key(path) {
            self.left_out += 1;
            return;
        }
        let tally = self.fields.entry(path.to_owned()).or_default();
        tally.values += 1;
        for kind in kinds_of(path, value).iter() {
            *tally.votes.entry(kind).or_default() += 1;
        }
    }

    /// Adds what another proposer has counted.
    pub fn absorb(&mut self, other: Self) {
        self.left_out += other.left_out;
        for (path, tally) in other.fields {
            if self.fields.len() >= MAX_FIELDS && !self.fields.contains_key(&path) {
                self.left_out += tally.values;
                continue;
            }
            let known = self.fields.entry(path).or_default();
            known.values += tally.values;
            for (kind, votes) in tally.votes {
                *known.votes.entry(kind).or_default() += votes;
            }
        }
    }

    /// Values of fields beyond the bound of 4,096 fields.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Fields of which at least 60 % of at least three values look like one kind.
    pub fn proposals(&self) -> Vec<Proposal> {
        self.fields
            .iter()
            .filter(|(_, tally)| tally.values >= FEWEST)
            .filter_map(|(path, tally)| {
                let (&kind, &votes) = tally.votes.iter().max_by_key(|(_, votes)| **votes)?;
                let share = votes as f64 / tally.values as f64;
                (share >= SHARE).then(|| Proposal {
                    path: path.clone(),
                    kind,
                    share,
                    values: tally.values,
                })
            })
            .collect()
    }
}

/// What a value as a whole looks like, with the help of its field's name.
fn kinds_of(path: &str, value: &str) -> KindSet {
    let mut kinds = KindSet::EMPTY;
    detect(value.as_bytes(), Hints { card: true }, &mut |hit| {
        let whole = hit.end - hit.start + 4 >= value.len();
        if whole || hit.kind == DataKind::Address {
            kinds.insert(hit.kind);
        }
    });
    if is_han_name(value) {
        kinds.insert(DataKind::Name);
    }
    let whole = |len: Option<usize>| len == Some(value.len());
    if whole(plate(value.as_bytes())) {
        kinds.insert(DataKind::Plate);
    }
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let named = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let digits = |least: usize, most: usize| {
        (least..=most).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
    };
    let told = [
        (
            DataKind::UnionId,
            named(&["unionid", "union_id"]) && value.len() == 28,
        ),
        (DataKind::Qq, named(&["qq"]) && digits(5, 11)),
        (
            DataKind::WechatId,
            named(&["wechat", "weixin", "微信", "wx"]) && (6..=20).contains(&value.len()),
        ),
        (
            DataKind::Passport,
            named(&["passport", "护照"]) && whole(passport(value.as_bytes())),
        ),
        (
            DataKind::Gender,
            matches!(value, "男" | "女") || named(&["gender", "sex", "性别"]),
        ),
        (
            DataKind::Birthday,
            named(&["birth", "生日", "出生"])
                && value.bytes().filter(u8::is_ascii_digit).count() >= 4,
        ),
    ];
    if let Some((kind, _)) = told.iter().find(|(_, told)| *told) {
        // The name decides between shapes that are alike (openid and unionid).
        return KindSet::of(&[*kind]);
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_percent_of_the_values_decide() {
        let mut proposer = Proposer::new();
        for n in 0..10 {
            proposer.see("/rows/tel", &format!("1380000{n:04}"));
            proposer.see("/rows/order_no", &format!("20240101{n:010}"));
            proposer.see("/rows/contact", if n < 5 { "张三" } else { "总机" });
            proposer.see("/rows/who", if n < 6 { "李小龙" } else { "-" });
            proposer.see("/rows/sex", "1");
            proposer.see("/rows/empty", "");
        }
        let got: Vec<_> = proposer
            .proposals()
            .into_iter()
            .map(|p| (p.path, p.kind, p.values))
            .collect();
        assert_eq!(
            got,
            [
                ("/rows/sex".to_owned(), DataKind::Gender, 10),
                ("/rows/tel".to_owned(), DataKind::Mobile, 10),
                ("/rows/who".to_owned(), DataKind::Name, 10),
            ]
        );
    }
}
