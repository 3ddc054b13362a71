//! Clocks: from a start event to the instant at which time is up.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, ZonedDateTime};
use serde::{Deserialize, Serialize};

use crate::facts::Times;
use crate::text::Text;

/// The event from which a clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartEvent {
    /// First detection.
    Detected,
    /// The evidenced decision that this is an incident (发现或获知, "aware").
    Aware,
    /// The assessment that it is notifiable.
    Assessed,
    /// The end of handling.
    Handled,
    /// A fix is available.
    FixAvailable,
    /// Materiality was determined.
    Materiality,
    /// The main notification was handed in.
    Notified,
    /// Individuals were told.
    IndividualsTold,
}

impl StartEvent {
    /// The instant, if the event has happened, and whether it is a stand-in for an undecided one.
    pub fn at(self, t: &Times) -> Option<(Timestamp, bool)> {
        let aware = t.aware.as_ref().map(|a| a.at);
        let sure = |at: Option<Timestamp>| at.map(|at| (at, false));
        match self {
            Self::Detected => sure(t.detected),
            Self::Aware => sure(aware).or_else(|| t.detected.map(|at| (at, true))),
            Self::Assessed => sure(t.assessed),
            Self::Handled => sure(t.handled),
            Self::FixAvailable => sure(t.fix_available),
            Self::Materiality => sure(t.materiality),
            Self::Notified => sure(t.notified),
            Self::IndividualsTold => sure(t.individuals_told),
        }
    }

    /// The field of the fact base that holds it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Detected => "times.detected",
            Self::Aware => "times.aware",
            Self::Assessed => "times.assessed",
            Self::Handled => "times.handled",
            Self::FixAvailable => "times.fix_available",
            Self::Materiality => "times.materiality",
            Self::Notified => "times.notified",
            Self::IndividualsTold => "times.individuals_told",
        }
    }
}

/// How hard a clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// 立即: at once, no figure in law.
    Immediately,
    /// 及时, without undue delay: no figure in law.
    UndueDelay,
    /// Within a stated time.
    Within,
    /// A standing duty without a clock.
    Standing,
    /// Advised, not required.
    Voluntary,
}

/// The unit that a stated time is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hours, running through nights and weekends.
    Hours,
    /// Calendar days; the day of the event does not count, the last day counts to its end.
    CalendarDays,
    /// Working days, skipping weekends and the listed holidays; otherwise as calendar days.
    WorkingDays,
    /// Calendar months, to the end of the last day.
    Months,
}

/// A clock, as a rule states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// What starts it.
    pub start: StartEvent,
    /// How hard it is.
    pub pace: Pace,
    /// Length in `unit`; only with `pace: within`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// Unit of `length`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// IANA time zone in which days are counted and the deadline is written.
    pub zone: String,
    /// Calendar of holidays for working days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holidays: Option<String>,
    /// The law's own words.
    pub text: Text,
}

/// A calendar of days off, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holidays {
    /// Identifier that clocks name.
    pub id: String,
    /// First day that the list covers.
    pub covers_from: Date,
    /// Last day that the list covers.
    pub covers_to: Date,
    /// Where it comes from.
    pub source: Text,
    /// The day it was checked.
    pub verified_at: Date,
    /// V, S, M or inferred.
    pub evidence: crate::rule::Evidence,
    /// Days off beyond weekends.
    pub off: BTreeSet<Date>,
    /// Weekend days that are worked (China's 调休).
    #[serde(default)]
    pub worked: BTreeSet<Date>,
}

impl Holidays {
    /// Whether people work on this day.
    pub fn is_working(&self, day: Date) -> bool {
        if self.worked.contains(&day) {
            return true;
        }
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.off.contains(&day)
    }

    /// Whether the list speaks of this day.
    pub fn covers(&self, day: Date) -> bool {
        day >= self.covers_from && day <= self.covers_to
    }
}

/// A clock that runs, or says what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Running {
    /// What starts it.
    pub start_event: StartEvent,
    /// The law's own words.
    pub text: Text,
    /// How hard it is.
    pub pace: Pace,
    /// When it started, RFC 3339 in the rule's zone.
    pub started_at: Option<String>,
    /// True when no decision starts it yet and the detection stands in.
    pub provisional: bool,
    /// The field that is missing for it to start.
    pub waits_for: Option<String>,
    /// When time is up, RFC 3339 in the rule's zone; nothing where law states no figure.
    pub deadline: Option<String>,
    /// The same as an instant, for sorting.
    pub deadline_at: Option<Timestamp>,
    /// Seconds left; negative when overdue.
    pub seconds_left: Option<i64>,
    /// Instants at which somebody must be told that time runs out: half, a quarter and a tenth of it left.
    pub escalate_at: Vec<String>,
    /// Something a person must know about the count, such as holidays beyond the list.
    pub warning: Option<Text>,
}

impl Clock {
    /// Names what is wrong with the clock, if anything.
    pub fn check(&self) -> Result<(), String> {
        TimeZone::get(&self.zone).map_err(|e| format!("zone: {e}"))?;
        match (self.pace, self.length, self.unit) {
            (Pace::Within, Some(1..=3650), Some(_)) => Ok(()),
            (Pace::Within, ..) => Err("`within` needs a length from 1 to 3650 and a unit".into()),
            (_, None, None) => Ok(()),
            _ => Err("a length without `pace: within`".into()),
        }
    }

    /// Runs the clock.
    pub fn run(&self, times: &Times, holidays: &[Holidays], now: Timestamp) -> Running {
        let zone = TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC);
        let mut running = Running {
            start_event: self.start,
            text: self.text.clone(),
            pace: self.pace,
            started_at: None,
            provisional: false,
            waits_for: None,
            deadline: None,
            deadline_at: None,
            seconds_left: None,
            escalate_at: vec![],
            warning: None,
        };
        let Some((start, provisional)) = self.start.at(times) else {
            running.waits_for = Some(self.start.field().to_owned());
            return running;
        };
        let start = start.to_zoned_datetime(zone);
        running.started_at = Some(rfc3339(&start));
        running.provisional = provisional;
        if provisional {
            running.waits_for = Some(self.start.field().to_owned());
        }
        let (Some(length), Some(unit)) = (self.length, self.unit) else {
            return running;
        };
        let calendar = holidays
            .iter()
            .find(|h| Some(&h.id) == self.holidays.as_ref());
        let (deadline, warning) = end(&start, length, unit, calendar);
        running.warning = warning;
        if let Some(deadline) = deadline {
            let at = deadline.timestamp();
            let total = at.as_second() - start.timestamp().as_second();
            running.escalate_at = [2, 4, 10]
                .into_iter()
                .filter_map(|part| at.checked_sub((total / part).seconds()).ok())
                .map(|t| rfc3339(&t.to_zoned_datetime(deadline.time_zone().clone())))
                .collect();
            running.deadline = Some(rfc3339(&deadline));
            running.deadline_at = Some(at);
            running.seconds_left = Some(at.as_second() - now.as_second());
        }
        running
    }
}

/// RFC 3339 with offset, to the second.
pub fn rfc3339(z: &ZonedDateTime) -> String {
    z.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn end(
    start: &ZonedDateTime,
    length: u32,
    unit: Unit,
    holidays: Option<&Holidays>,
) -> (Option<ZonedDateTime>, Option<Text>) {
    let n = i64::from(length);
    match unit {
        Unit::Hours => (start.checked_add(n.hours()).ok(), None),
        Unit::CalendarDays => (last_second(start, n.days()), None),
        Unit::Months => (last_second(start, n.months()), None),
        Unit::WorkingDays => working_days(start, length, holidays),
    }
}

fn last_second(start: &ZonedDateTime, span: Span) -> Option<ZonedDateTime> {
    let day = start.date().checked_add(span).ok()?;
    end_of(day, start.time_zone())
}

fn end_of(day: Date, zone: &TimeZone) -> Option<ZonedDateTime> {
    day.at(23, 59, 59, 0).to_zoned_datetime(zone.clone()).ok()
}

fn working_days(
    start: &ZonedDateTime,
    length: u32,
    holidays: Option<&Holidays>,
) -> (Option<ZonedDateTime>, Option<Text>) {
    let mut day = start.date();
    let mut left = length;
    let mut warning = None;
    while left > 0 {
        let Ok(next) = day.tomorrow() else {
            return (None, warning);
        };
        day = next;
        let working = match holidays {
            Some(h) => {
                if !h.covers(day) {
                    warning = Some(Text::new(
                        format!(
                            "节假日表只覆盖 {} 至 {}，其余日期只跳过周末，请人工核对",
                            h.covers_from, h.covers_to
                        ),
                        format!(
                            "the holiday list covers {} to {}; other days skip weekends only: check by hand",
                            h.covers_from, h.covers_to
                        ),
                    ));
                }
                h.is_working(day)
            }
            None => {
                warning = Some(Text::new(
                    "没有节假日表，只跳过周末",
                    "no holiday list: weekends only are skipped",
                ));
                !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            }
        };
        if working {
            left -= 1;
        }
    }
    (end_of(day, start.time_zone()), warning)
}
