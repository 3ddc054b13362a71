//! What a source says of one version, and by which of its words.

use serde::Serialize;

use crate::decide::Sentence;
use crate::record::{Bound, Range, Status};

/// What one product statement says of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Affected, unaffected, or unknown. Unknown is no word for unaffected.
    pub status: Status,
    /// The words that decided.
    pub because: Because,
    /// Nobody says how the versions are ordered, and a general order was taken.
    pub order_assumed: bool,
    /// The first version that is not affected any more, where the deciding range names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
}

impl Verdict {
    /// Unknown, for a reason.
    pub(super) const fn unknown(because: Because) -> Self {
        Self {
            status: Status::Unknown,
            because,
            order_assumed: false,
            fixed: None,
        }
    }

    /// The source names other versions and is silent on this one.
    pub fn is_silent(&self) -> bool {
        self.because == Because::Silent
    }
}

/// Why a verdict is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Because {
    /// The source lists this version as affected.
    Listed {
        /// As listed.
        version: String,
    },
    /// A range holds it.
    Range {
        /// The range, as `>= 1.0, < 2.0`.
        range: String,
        /// The source's own words, where they were no plain version.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// No entry names it, and the source says what holds then.
    Default,
    /// No entry names it, and the source does not say what holds then.
    Silent,
    /// The component has no version.
    NoVersion,
    /// The component's version can't be ordered.
    BadVersion {
        /// Why not.
        why: String,
    },
    /// Whether a range holds it can't be told.
    Unsure {
        /// The range.
        range: String,
        /// Why not.
        why: String,
    },
    /// The source names commits, and those have no order.
    Commits,
    /// What must be there besides is not in the inventory, which can't prove that it is absent.
    Platform {
        /// What must be there; `!` in front of what must be absent.
        needed: Vec<String>,
    },
    /// What must be there besides is there in a version that does not count, or what must be absent is there.
    PlatformUnmet {
        /// What must be there.
        needed: Vec<String>,
    },
    /// The source names an edition or an environment, and the component does not say which it is.
    Edition {
        /// The CPE name that the source gives.
        cpe: String,
    },
    /// A distribution's package, judged by its upstream version: the distribution may have mended it without a new one.
    Backport {
        /// The range that holds the upstream version.
        range: String,
    },
    /// The statement is for one release of a distribution, and the component does not say which it is from.
    Release {
        /// The release.
        release: String,
    },
}

impl Because {
    /// As a sentence in both languages.
    pub fn sentence(&self) -> Sentence {
        let (zh, en) = match self {
            Self::Listed { version } => (
                format!("来源列明版本 {version}"),
                format!("the source lists version {version}"),
            ),
            Self::Range { range, text } => {
                let said = |quote: &str| {
                    text.as_ref()
                        .map_or_else(String::new, |text| format!("{quote}{text}"))
                };
                (
                    format!("在范围 {range} 内{}", said("，原文：")),
                    format!("in the range {range}{}", said(", as written: ")),
                )
            }
            Self::Default => (
                "来源没有提到该版本，按其默认状态".to_owned(),
                "no entry names it: the source's default holds".to_owned(),
            ),
            Self::Silent => (
                "来源没有提到该版本，也没有给出默认状态".to_owned(),
                "no entry names it, and the source gives no default".to_owned(),
            ),
            Self::NoVersion => (
                "清单里没有该组件的版本".to_owned(),
                "the inventory has no version of the component".to_owned(),
            ),
            Self::BadVersion { why } => (
                format!("组件版本无法比较：{why}"),
                format!("the component's version can't be compared: {why}"),
            ),
            Self::Unsure { range, why } => (
                format!("无法判断是否在范围 {range} 内：{why}"),
                format!("whether it is in the range {range} can't be told: {why}"),
            ),
            Self::Commits => (
                "来源只给出代码提交号，提交号没有先后".to_owned(),
                "the source names commits alone, and commits have no order".to_owned(),
            ),
            Self::Platform { needed } => (
                format!("还须有 {}，清单里看不出有没有", needed.join("、")),
                format!(
                    "needs {} besides, which the inventory does not show",
                    needed.join(", ")
                ),
            ),
            Self::PlatformUnmet { needed } => (
                format!("还须有 {}，而清单里的情况不符", needed.join("、")),
                format!(
                    "needs {} besides, which is not what the inventory shows",
                    needed.join(", ")
                ),
            ),
            Self::Edition { cpe } => (
                format!("来源限定了版本类型或环境（{cpe}），组件没有说明"),
                format!(
                    "the source names an edition or environment ({cpe}), the component does not"
                ),
            ),
            Self::Backport { range } => (
                format!("上游版本在范围 {range} 内，发行版可能已移植补丁"),
                format!(
                    "the upstream version is in the range {range}; the distribution may have backported the fix"
                ),
            ),
            Self::Release { release } => (
                format!("该说法只针对 {release}，组件没有说明来自哪个发行版本"),
                format!(
                    "the statement is for {release}, and the component does not say which release it is from"
                ),
            ),
        };
        Sentence { zh, en }
    }
}

/// A range as text: `>= 1.0, < 2.0`, with its changes.
pub(super) fn shown(range: &Range) -> String {
    let end = |bound: &Bound, lower: bool| match (bound, lower) {
        (Bound::Open, _) => None,
        (Bound::Including(text), true) => Some(format!(">= {text}")),
        (Bound::Excluding(text), true) => Some(format!("> {text}")),
        (Bound::Including(text), false) => Some(format!("<= {text}")),
        (Bound::Excluding(text), false) => Some(format!("< {text}")),
        (Bound::Line(text), true) => Some(format!(">= {text}.*")),
        (Bound::Line(text), false) => Some(format!("<= {text}.*")),
        (Bound::Unreadable(text), true) => Some(format!(">= ? {text:?}")),
        (Bound::Unreadable(text), false) => Some(format!("<= ? {text:?}")),
    };
    let ends: Vec<String> = match (&range.lower, &range.upper) {
        (Bound::Including(one), Bound::Including(two)) if one == two => vec![format!("= {one}")],
        (Bound::Line(one), Bound::Line(two)) if one == two => vec![format!("{one}.*")],
        (lower, upper) => end(lower, true)
            .into_iter()
            .chain(end(upper, false))
            .collect(),
    };
    let mut text = if ends.is_empty() {
        "*".to_owned()
    } else {
        ends.join(", ")
    };
    // A change more or less makes no difference to a reader; thousands of them would.
    for change in range.changes.iter().take(5) {
        let word = match change.status {
            Status::Affected => "affected",
            Status::Unaffected => "unaffected",
            Status::Unknown => "unknown",
        };
        text.push_str(&format!(", {word} from {}", change.at));
    }
    if range.changes.len() > 5 {
        text.push_str(", …");
    }
    text
}
