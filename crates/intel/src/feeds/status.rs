//! How it stands with a feed, in words.

use hudun_advisory::{Format, Refused};
use hudun_core::{Text, Timestamp};
use serde::{Deserialize, Serialize};

/// How it stands with a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedState {
    /// What is held is young enough.
    Fresh,
    /// What is held is too old, or nobody could confirm it for too long.
    Late,
    /// What came has far fewer records: held back until a person accepts it.
    Shrunk,
    /// What came is older than what is held: not taken.
    Backwards,
    /// What came could not be fetched or read: not taken.
    Failing,
    /// Nothing ever came.
    Never,
}

/// One feed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeedStatus {
    /// What it is called.
    pub name: String,
    /// Its form.
    pub format: Format,
    /// It comes by hand, through the drop folder.
    pub by_hand: bool,
    /// How it stands.
    pub state: FeedState,
    /// The same in a sentence.
    pub sentence: Text,
    /// The newest date that anything in it bears.
    pub as_of: Option<Timestamp>,
    /// When it was last tried.
    pub tried: Option<Timestamp>,
    /// When it last came, or was confirmed to be unchanged.
    pub succeeded: Option<Timestamp>,
    /// Records, entries of a catalogue and scores that count.
    pub records: u64,
    /// What was refused of the last delivery, told or not.
    pub refused: u64,
    /// The first of them.
    pub refusals: Vec<Refused>,
    /// What is held back.
    pub held: Option<HeldBack>,
    /// The last trouble, kept until a delivery is taken.
    pub trouble: Option<Trouble>,
}

/// A delivery that a person has to accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Records in it.
    pub records: u64,
    /// Records that are held now.
    pub before: u64,
    /// Its newest date.
    pub as_of: Option<Timestamp>,
    /// Where it came from.
    pub origin: String,
    /// When.
    pub came: Timestamp,
}

/// Why the last delivery was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// [`FeedState::Shrunk`], [`FeedState::Backwards`] or [`FeedState::Failing`].
    pub state: FeedState,
    /// What happened, and what to do.
    pub sentence: Text,
    /// When.
    pub at: Timestamp,
}

/// The state of what is held at this moment, `trouble` aside.
pub(super) fn age(
    held: bool,
    by_hand: bool,
    as_of: Option<Timestamp>,
    succeeded: Option<Timestamp>,
    late_after_ms: i64,
    now: Timestamp,
) -> (FeedState, Text) {
    if !held && succeeded.is_none() {
        let text = if by_hand {
            Text::new(
                "还没有收到过文件：请把下载的文件放进投放文件夹。",
                "No file has come yet: put a downloaded one into the drop folder.",
            )
        } else {
            Text::new("还没有取到过。", "It has never been fetched yet.")
        };
        return (FeedState::Never, text);
    }
    let days = |ms: i64| ms / 86_400_000;
    let limit = days(late_after_ms);
    if let Some(date) = as_of
        && now.millis_since(date) > late_after_ms
    {
        let age = days(now.millis_since(date));
        let zh_do = if by_hand {
            "请投放新文件。"
        } else {
            "请查看来源是否停更。"
        };
        let en_do = if by_hand {
            "drop a newer file."
        } else {
            "see whether its source still publishes."
        };
        return (
            FeedState::Late,
            Text::new(
                format!(
                    "内容最新到 {}，已 {age} 天，超过 {limit} 天的限度：{zh_do}",
                    day(date)
                ),
                format!(
                    "What it holds ends at {}, {age} days ago; {limit} are allowed: {en_do}",
                    day(date)
                ),
            ),
        );
    }
    if let Some(last) = succeeded
        && now.millis_since(last) > late_after_ms
    {
        let age = days(now.millis_since(last));
        return (
            FeedState::Late,
            Text::new(
                format!("已 {age} 天没有得到确认，超过 {limit} 天的限度。"),
                format!("Nothing confirmed it for {age} days; {limit} are allowed."),
            ),
        );
    }
    let text = match as_of {
        Some(date) => Text::new(
            format!("内容截至 {}。", day(date)),
            format!("It holds what was known on {}.", day(date)),
        ),
        None => Text::new("内容没有注明日期。", "What it holds bears no date."),
    };
    (FeedState::Fresh, text)
}

pub(super) fn day(moment: Timestamp) -> String {
    moment.to_string().chars().take(10).collect()
}
