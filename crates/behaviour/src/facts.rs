//! The numbers behind each part, and how they are said.

use crate::score::{Band, Degraded, Sentence};

/// What is counted for one actor and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Measure {
    /// Different customers opened one by one.
    Opened = 0,
    /// The most different customers opened within ten minutes.
    OpenedFast = 1,
    /// Different customers in lists and files.
    Listed = 2,
    /// Customers never touched before.
    New = 3,
    /// The most of those within ten minutes.
    NewFast = 4,
    /// Different customers of colleagues.
    Foreign = 5,
    /// Different customers changed, or changes where no customer is named.
    Changed = 6,
    /// Searches.
    Searches = 7,
    /// Single objects asked for in vain.
    Failed = 8,
}

/// How many measures there are.
pub(crate) const MEASURES: usize = 9;

impl Measure {
    pub(crate) const ALL: [Self; MEASURES] = [
        Self::Opened,
        Self::OpenedFast,
        Self::Listed,
        Self::New,
        Self::NewFast,
        Self::Foreign,
        Self::Changed,
        Self::Searches,
        Self::Failed,
    ];

    const fn did(self) -> (&'static str, &'static str) {
        match self {
            Self::Opened | Self::OpenedFast => ("打开了 {} 位客户", "opened {} customers"),
            Self::Listed => (
                "在列表或文件中取得 {} 位客户",
                "got {} customers in lists or files",
            ),
            Self::New | Self::NewFast => (
                "接触了 {} 位从未接触过的客户",
                "touched {} customers never touched before",
            ),
            Self::Foreign => (
                "查看了 {} 位同事的客户",
                "looked at {} customers of colleagues",
            ),
            Self::Changed => ("改动了 {} 位客户", "changed {} customers"),
            Self::Searches => ("搜索了 {} 次", "searched {} times"),
            Self::Failed => (
                "{} 次查询被拒绝或不存在",
                "{} look-ups refused or not found",
            ),
        }
    }
}

/// What a part rests on.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    Prior,
    Count {
        measure: Measure,
        count: u32,
        span: Span,
        usual: f64,
        role_most: u32,
        cold: bool,
    },
    Export {
        rows: u64,
        usual: Option<f64>,
        role_usual: f64,
    },
    Breadth {
        rows: u64,
        usual: f64,
    },
    Module {
        module: String,
        days: f64,
        of: f64,
    },
    Kind {
        kind: u8,
        days: f64,
        of: f64,
    },
    Hour {
        hour: u8,
        share: f64,
    },
    Rhythm {
        acts: usize,
        mean_ms: f64,
        spread: f64,
    },
    LongDay {
        hours: u32,
        usual: f64,
    },
    OddLogin {
        points: f64,
    },
    Session {
        network: bool,
        device: bool,
    },
    Dormant {
        days: i32,
    },
    Outside {
        what: &'static str,
        detail: String,
    },
    Network {
        level: u8,
        seen: f64,
        of: f64,
    },
    Device {
        level: u8,
        seen: f64,
        of: f64,
    },
    LoginHour {
        hour: u8,
        share: f64,
    },
    Rtt {
        ms: u32,
        usual: Option<u32>,
    },
    Region {
        seen: f64,
        of: f64,
    },
    Tries {
        failed: u32,
    },
    Degraded(Degraded, Band),
}

/// Over which time something was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Within so many minutes.
    Minutes(u32),
    /// Since local midnight.
    Today,
    /// Today and the days before, so many in all.
    Days(u32),
}

impl Fact {
    pub(crate) fn sentence(&self) -> Sentence {
        match self {
            Self::Prior => say(
                "任何账号在没有迹象时的出发点".to_owned(),
                "where every account starts while nothing speaks against it".to_owned(),
            ),
            Self::Count {
                measure,
                count,
                span,
                usual,
                role_most,
                cold,
            } => count_sentence(*measure, *count, *span, *usual, *role_most, *cold),
            Self::Export {
                rows,
                usual,
                role_usual,
            } => say(
                match usual {
                    Some(usual) => format!("今天导出 {rows} 行；本人平时导出约 {usual:.0} 行"),
                    None => format!(
                        "今天导出 {rows} 行；本人此前从未导出，同岗位平时约 {role_usual:.0} 行"
                    ),
                },
                match usual {
                    Some(usual) => {
                        format!("exported {rows} rows today; usual for this person {usual:.0}")
                    }
                    None => format!(
                        "exported {rows} rows today; this person never exported before, usual for the role {role_usual:.0}"
                    ),
                },
            ),
            Self::Breadth { rows, usual } => say(
                format!("今天的搜索共命中 {rows} 行；平时约 {usual:.0} 行"),
                format!("searches matched {rows} rows today; usual {usual:.0}"),
            ),
            Self::Module { module, days, of } => say(
                format!("使用了“{module}”模块；最近 {of:.0} 个工作日里用过 {days:.0} 天"),
                format!(
                    "used the module {module}; used on {days:.0} of the last {of:.0} days at work"
                ),
            ),
            Self::Kind { kind, days, of } => say(
                format!("看到了第 {kind} 类个人信息；最近 {of:.0} 个工作日里看过 {days:.0} 天"),
                format!(
                    "saw personal data of kind {kind}; seen on {days:.0} of the last {of:.0} days at work"
                ),
            ),
            Self::Hour { hour, share } => say(
                format!(
                    "在 {hour} 点活动；平时这个时段活动的日子占 {:.0}%",
                    share * 100.0
                ),
                format!(
                    "active at {hour}:00; on {:.0} % of days active around then",
                    share * 100.0
                ),
            ),
            Self::Rhythm {
                acts,
                mean_ms,
                spread,
            } => say(
                format!(
                    "连续 {acts} 次操作间隔 {:.1} 秒，波动仅 {:.0}%，像程序而不像人",
                    mean_ms / 1e3,
                    spread * 100.0
                ),
                format!(
                    "{acts} acts in a row every {:.1} s with only {:.0} % of variation: like a program, unlike a person",
                    mean_ms / 1e3,
                    spread * 100.0
                ),
            ),
            Self::LongDay { hours, usual } => say(
                format!("今天有 {hours} 个小时在活动；平时约 {usual:.0} 个小时"),
                format!("active in {hours} hours of today; usual {usual:.0}"),
            ),
            Self::OddLogin { points } => say(
                format!("会话来自一次异常登录（登录风险 {points:.1}）"),
                format!("the session began with an odd log-in (log-in risk {points:.1})"),
            ),
            Self::Session { network, device } => match (network, device) {
                (true, true) => say(
                    "同一会话换了网络和设备".to_owned(),
                    "one session on two networks and two devices".to_owned(),
                ),
                (true, false) => say(
                    "同一会话出现在两个网络".to_owned(),
                    "one session on two networks".to_owned(),
                ),
                _ => say(
                    "同一会话出现在两台设备".to_owned(),
                    "one session on two devices".to_owned(),
                ),
            },
            Self::Dormant { days } => say(
                format!("沉寂 {days} 天后重新活动"),
                format!("active again after {days} silent days"),
            ),
            Self::Outside { what, detail } => say(
                format!("服务账号超出许可范围（{}：{detail}）", zh_of(what)),
                format!("the service account left its allow-list ({what}: {detail})"),
            ),
            Self::Network { level, seen, of } => place("网络", "network", *level, *seen, *of),
            Self::Device { level, seen, of } => place("设备", "device", *level, *seen, *of),
            Self::LoginHour { hour, share } => say(
                format!(
                    "在 {hour} 点登录；以往登录中这个时段占 {:.0}%",
                    share * 100.0
                ),
                format!(
                    "logged in at {hour}:00; {:.0} % of earlier log-ins were around then",
                    share * 100.0
                ),
            ),
            Self::Rtt { ms, usual } => match usual {
                Some(usual) => say(
                    format!("往返时间 {ms} 毫秒；平时约 {usual} 毫秒"),
                    format!("round trip {ms} ms; usual {usual} ms"),
                ),
                None => say(format!("往返时间 {ms} 毫秒"), format!("round trip {ms} ms")),
            },
            Self::Region { seen, of } => {
                place("地区", "region", u8::from(*seen == 0.0), *seen, *of)
            }
            Self::Tries { failed } => say(
                format!("此前 15 分钟内登录失败 {failed} 次"),
                format!("{failed} failed tries in the 15 minutes before"),
            ),
            Self::Degraded(why, band) => {
                let (zh, en) = match why {
                    Degraded::TenantQuota => ("租户数量已达上限", "no room for another tenant"),
                    Degraded::NotFinite => ("计算结果无效", "the result was not a number"),
                    Degraded::TooLate => ("事件迟到超过两天", "the event is over two days late"),
                };
                say(
                    format!(
                        "行为引擎无法评判（{zh}），按预设等级 {} 处理。",
                        band.name()
                    ),
                    format!(
                        "The behaviour engine could not judge ({en}); it falls to the stated level {}.",
                        band.name()
                    ),
                )
            }
        }
    }
}

const fn say(zh: String, en: String) -> Sentence {
    Sentence { zh, en }
}

fn zh_of(what: &str) -> &'static str {
    match what {
        "network" => "网络",
        "module" => "模块",
        _ => "行数",
    }
}

fn place(zh: &str, en: &str, level: u8, seen: f64, of: f64) -> Sentence {
    match level {
        0 => say(
            format!("登录{zh}在 {of:.0} 次可信登录中用过 {seen:.0} 次"),
            format!("the {en} was used in {seen:.0} of {of:.0} trusted log-ins"),
        ),
        1 => say(
            format!("登录{zh}本人从未用过（{of:.0} 次可信登录），但与用过的相近或同事用过"),
            format!(
                "a {en} that this person never used ({of:.0} trusted log-ins), near a used one or used by colleagues"
            ),
        ),
        _ => say(
            format!("登录{zh}本人和同事都从未用过（本人 {of:.0} 次可信登录）"),
            format!(
                "a {en} that neither this person ({of:.0} trusted log-ins) nor a colleague ever used"
            ),
        ),
    }
}

fn count_sentence(
    measure: Measure,
    count: u32,
    span: Span,
    usual: f64,
    role_most: u32,
    cold: bool,
) -> Sentence {
    let (zh, en) = measure.did();
    let number = count.to_string();
    let (zh, en) = (zh.replace("{}", &number), en.replace("{}", &number));
    let usual = if usual < 9.95 {
        format!("{usual:.1}")
    } else {
        format!("{usual:.0}")
    };
    let whose = if cold {
        ("同岗位", "the role")
    } else {
        ("本人", "this person")
    };
    let (when_zh, when_en, per_zh, per_en) = match span {
        Span::Minutes(minutes) => {
            let minutes = minutes.max(1);
            let per = if matches!(measure, Measure::OpenedFast | Measure::NewFast) {
                ("最忙的 10 分钟 ", " in the busiest 10 min of a day")
            } else {
                ("每天 ", " a day")
            };
            (
                format!("{minutes} 分钟内"),
                format!(" in {minutes} min"),
                per.0.to_owned(),
                per.1.to_owned(),
            )
        }
        Span::Today => (
            "今天".to_owned(),
            " today".to_owned(),
            "每天 ".to_owned(),
            " a day".to_owned(),
        ),
        Span::Days(days) => (
            format!("{days} 天内"),
            format!(" in {days} days"),
            format!("{days} 天 "),
            format!(" in {days} days"),
        ),
    };
    let at_most = if role_most == 0 {
        (String::new(), String::new())
    } else {
        (
            format!("，同岗位最多 {role_most}"),
            format!("; for the role at most {role_most}"),
        )
    };
    say(
        format!(
            "{when_zh}{zh}；{}平时{per_zh}{usual} {at}",
            whose.0,
            at = at_most.0
        )
        .trim_end()
        .replace(" ，", "，"),
        format!(
            "{en}{when_en}; usual for {} {usual}{per_en}{}",
            whose.1, at_most.1
        ),
    )
}
