//! An exposure in four lines that a manager understands.

use hudun_advisory::decide::What;
use hudun_advisory::{Identity, Status};
use hudun_core::{Text, Timestamp};

use super::register::class_words;
use super::{Exposure, State, Why};

/// What it is, why it matters, what to do by when, and where it stands.
pub fn story(exposure: &Exposure) -> [Text; 4] {
    [
        what(exposure),
        why(exposure),
        deed(exposure),
        standing(exposure),
    ]
}

fn what(exposure: &Exposure) -> Text {
    let version = exposure.version.as_deref();
    let component = match version {
        Some(version) => format!("{} {version}", exposure.component),
        None => exposure.component.clone(),
    };
    let (asset, id, title) = (&exposure.asset, &exposure.vulnerability, &exposure.title);
    if exposure.proposed {
        let product = &exposure.product;
        let (zh, en) = match exposure.matched {
            Some(Identity::Name) => (
                "把握中等：厂商和名字都对得上",
                "with medium confidence: maker and name fit",
            ),
            _ => (
                "把握低：只有名字对得上",
                "with low confidence: the name alone fits",
            ),
        };
        return Text::new(
            format!(
                "{asset} 上的 {component} 可能就是 {id}（{title}）所说的“{product}”，{zh}；请人看一眼。"
            ),
            format!(
                "{component} on {asset} may be what {id} ({title}) calls {product:?}, {en}; somebody has to look."
            ),
        );
    }
    match exposure.status {
        Status::Unknown => Text::new(
            format!(
                "{asset} 上的 {component} 是否受 {id}（{title}）影响，公告没有说清；先按受影响处理。"
            ),
            format!(
                "Whether {component} on {asset} has {id} ({title}) is not clear from the advisories; it is handled as if it had."
            ),
        ),
        Status::Affected | Status::Unaffected => Text::new(
            format!("{asset} 上的 {component} 有漏洞 {id}：{title}。"),
            format!("{component} on {asset} has the vulnerability {id}: {title}."),
        ),
    }
}

fn why(exposure: &Exposure) -> Text {
    let (zh, en) = class_words(exposure.what);
    let row = &exposure.row;
    let (zh_seen, en_seen) = match exposure.seen_at {
        Some(_) => (
            "自家网关已经看见有人试它。",
            "The own gateway saw somebody try it. ",
        ),
        None => ("", ""),
    };
    Text::new(
        format!("{zh_seen}{zh}：{}。", row.zh),
        format!("{en_seen}To be done {en}: {}.", row.en),
    )
}

fn deed(exposure: &Exposure) -> Text {
    let by = exposure.due_at.map(day);
    let (zh_by, en_by) = match &by {
        Some(by) => (format!("{by} 之前"), format!("by {by}")),
        None => ("下次升级时".to_owned(), "with the next upgrade".to_owned()),
    };
    let (zh, en) = match (&exposure.fixed, exposure.what) {
        (Some(fixed), _) => (
            format!("{zh_by}升级到 {fixed} 或更高版本"),
            format!("Upgrade to {fixed} or later {en_by}"),
        ),
        (None, What::ActNow | What::Days) => (
            format!("公告没有给出修复版本：{zh_by}用补丁、隔离或停用挡住它"),
            format!(
                "The advisories name no fixed version: shut it off {en_by}, by a hot patch, by isolation or by turning it off"
            ),
        ),
        (None, _) => (
            format!("公告没有给出修复版本：{zh_by}再看有没有"),
            format!("The advisories name no fixed version: look for one {en_by}"),
        ),
    };
    let (zh_more, en_more) = if exposure.forensics {
        (
            "；关闭之前先查有没有被人闯入过。",
            "; look for a break-in before it is closed.",
        )
    } else {
        ("。", ".")
    };
    Text::new(zh + zh_more, en + en_more)
}

fn standing(exposure: &Exposure) -> Text {
    let state = match &exposure.state {
        State::Open if exposure.proposed => Text::new(
            "等人判断是不是同一产品。",
            "Waits for a person's word on the product.",
        ),
        State::Open => Text::new("未处理完。", "Not finished."),
        State::Suppressed { by, reason, until } => {
            let (zh_until, en_until) = match until {
                Some(until) => (format!("，到 {until} 为止"), format!(", until {until}")),
                None => Default::default(),
            };
            Text::new(
                format!("{by} 说它影响不到这里（{reason}）{zh_until}。"),
                format!("{by} says that it does not reach us ({reason}){en_until}."),
            )
        }
        State::Unproven { why, .. } => {
            let why = because(why);
            Text::new(
                format!("{}，但检查还没有证明漏洞已经关上。", why.zh),
                format!(
                    "{}; the check has not proven yet that the hole is shut.",
                    why.en
                ),
            )
        }
        State::Closed { why, at } => {
            let why = because(why);
            Text::new(
                format!("已于 {} 结束：{}。", day(*at), why.zh),
                format!("Over since {}: {}.", day(*at), why.en),
            )
        }
    };
    match &exposure.check {
        Some(check) => Text::new(
            format!("{}{}", state.zh, check.said.zh),
            format!("{} {}", state.en, check.said.en),
        ),
        None => state,
    }
}

fn because(why: &Why) -> Text {
    match why {
        Why::Version { from, to } => {
            let named =
                |version: &Option<String>| version.clone().unwrap_or_else(|| "?".to_owned());
            Text::new(
                format!("版本从 {} 换成了 {}", named(from), named(to)),
                format!("the version went from {} to {}", named(from), named(to)),
            )
        }
        Why::ComponentGone => Text::new("组件已经不在了", "the component is gone"),
        Why::Sources => Text::new("公告改了说法", "the advisories say otherwise now"),
        Why::AssetGone => Text::new("资产已经移除", "the asset was taken out"),
    }
}

/// The day, UTC, as `2026-12-31`.
pub(super) fn day(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map(|at| at.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}
