//! The week in one letter: what has to be done and by when, what is over, what came of subscriptions, which feeds are unwell.

use hudun_advisory::decide::What;
use hudun_core::Timestamp;
use hudun_inform::Informer;
use hudun_intel::exposures::{Exposure, State, story};
use hudun_intel::feeds::FeedState;
use hudun_store::{Collection, Keyed, Store};
use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

use super::Intel;

/// The letter goes out on Monday from this hour on, by the clock of this machine; later in the week where it was down then.
const HOUR: i8 = 8;
/// Most lines of a part.
const LINES: usize = 50;
const WEEK_MS: i64 = 7 * 24 * 3_600_000;

/// Which week was told of.
pub(super) struct Digests(Collection<Told>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    week: String,
    at: Timestamp,
}

impl Keyed for Told {
    const COLLECTION: &'static str = "digest";

    fn id(&self) -> String {
        self.week.clone()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

impl Digests {
    pub(super) fn new(store: &Store) -> Self {
        Self(store.collection())
    }
}

impl Intel {
    /// Posts the letter of this week, unless it was posted or its time has not come.
    pub(super) async fn digest(&self, sender: &Informer, now: Timestamp) -> anyhow::Result<bool> {
        let Some(week) = week(now, &jiff::tz::TimeZone::system())? else {
            return Ok(false);
        };
        if self.digests.0.get(&week).await?.is_some() {
            return Ok(false);
        }
        let text = self.letter(now).await?;
        let subject = format!("[护盾 Hudun] 漏洞情报周报 weekly digest {week}");
        sender.digest(&week, &subject, &text, now).await?;
        self.digests.0.put(&Told { week, at: now }).await?;
        // Told of only now: a letter that could not be posted is made again.
        self.subscriptions.digest(now).await?;
        Ok(true)
    }

    async fn letter(&self, now: Timestamp) -> anyhow::Result<String> {
        let all = self.known.register.all().await;
        let open: Vec<&Exposure> = all.iter().filter(|one| one.is_open()).collect();
        let grave = open.iter().filter(|one| one.what >= What::Days);
        let over = all.iter().filter(|one| match one.state {
            State::Closed { at, .. } => now.millis_since(at) < WEEK_MS,
            _ => false,
        });
        let mut text = format!(
            "未了结的暴露面 {} 个 · {} exposures are open\n",
            open.len(),
            open.len()
        );
        part(
            &mut text,
            "须限期处理 To be done by a date",
            grave.map(|one| line(one)),
        );
        part(&mut text, "本周了结 Over this week", over.map(line));
        let mut hits = Vec::new();
        for one in self.subscriptions.all().await? {
            let fresh = one
                .hits
                .iter()
                .filter(|hit| one.told_to.is_none_or(|told| hit.at > told));
            hits.extend(fresh.map(|hit| format!("{}（{}）: {}", hit.record, one.by, hit.title)));
        }
        part(&mut text, "订阅 Subscriptions", hits.into_iter());
        let feeds = self.feeds.status();
        let unwell = feeds.iter().filter(|feed| feed.state != FeedState::Fresh);
        let sentence = |feed: &hudun_intel::feeds::FeedStatus| {
            format!("{}: {} {}", feed.name, feed.sentence.zh, feed.sentence.en)
        };
        part(
            &mut text,
            "有问题的数据源 Feeds that are unwell",
            unwell.map(sentence),
        );
        Ok(text)
    }
}

fn line(exposure: &Exposure) -> String {
    let [what, _, deed, _] = story(exposure);
    format!("{}{}\n  {} {}", what.zh, deed.zh, what.en, deed.en)
}

fn part(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}\n"));
    for line in lines.iter().take(LINES) {
        text.push_str(&format!("- {line}\n"));
    }
    if lines.len() > LINES {
        text.push_str(&format!("- … {}\n", lines.len() - LINES));
    }
}

/// The ISO week, when its letter may go out.
fn week(now: Timestamp, zone: &jiff::tz::TimeZone) -> anyhow::Result<Option<String>> {
    let at = zone.to_datetime(jiff::Timestamp::from_millisecond(now.as_millis())?);
    let iso = at.date().iso_week_date();
    let early = iso.weekday() == Weekday::Monday && at.hour() < HOUR;
    Ok((!early).then(|| format!("{}-W{:02}", iso.year(), iso.week())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn week_at(text: &str) -> Option<String> {
        let at: jiff::Timestamp = text.parse().unwrap();
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
        week(Timestamp::from_millis(at.as_millisecond()), &zone).unwrap()
    }

    #[test]
    fn the_letter_goes_out_from_monday_morning_on_once_a_week() {
        assert_eq!(week_at("2026-11-29T23:59:00Z"), None);
        assert_eq!(week_at("2026-11-30T00:00:00Z").as_deref(), Some("2026-W49"));
        assert_eq!(week_at("2026-12-06T15:59:00Z").as_deref(), Some("2026-W49"));
        assert_eq!(week_at("2026-12-31T12:00:00Z").as_deref(), Some("2026-W53"));
    }
}
