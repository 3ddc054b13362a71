//! Every clock of every rule that has a length, started at awkward moments, against a count made another way: hours in
//! seconds since 1970, days on a calendar of our own.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

use hudun_duty::{Clock, Pace, RuleSet, StartEvent, Times, Unit};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Moments around which counting goes wrong: the turn of the year, the ends of February in leap years and others, both
/// changes of the clock in Europe and in the United States, the minute before midnight in East Asia.
const STARTS: [&str; 14] = [
    "2026-11-23T02:00:00Z",
    "2026-12-31T15:59:30Z",
    "2026-12-31T22:30:00Z",
    "2027-01-01T00:00:00Z",
    "2027-02-27T12:00:00Z",
    "2028-02-28T12:00:00Z",
    "2028-02-29T12:00:00Z",
    "2027-03-13T20:00:00Z",
    "2027-03-27T20:00:00Z",
    "2027-03-28T00:59:59Z",
    "2027-10-30T20:00:00Z",
    "2027-10-31T00:30:00Z",
    "2027-11-06T20:00:00Z",
    "2027-01-31T12:00:00Z",
];

#[test]
fn every_clock_ends_where_another_count_ends() {
    let set = RuleSet::embedded().unwrap();
    let (mut tried, mut over_summer_time) = (0, 0);
    for rule in &set.rules {
        for phase in &rule.phases {
            let clock = &phase.clock;
            let (Some(length), Some(unit)) = (clock.length, clock.unit) else {
                assert_ne!(clock.pace, Pace::Within);
                continue;
            };
            for start in STARTS {
                let start: Timestamp = start.parse().unwrap();
                let running = clock.run(&times(clock.start, start), &set.holidays, start);
                let name = format!("{} {} from {start}", rule.id, phase.id);
                let deadline = running
                    .deadline_at
                    .unwrap_or_else(|| panic!("{name}: no deadline"));
                match unit {
                    Unit::Hours => {
                        let hours = (deadline.as_second() - start.as_second()) as f64 / 3_600.0;
                        assert!(
                            (hours - f64::from(length)).abs() < 1e-9,
                            "{name}: {hours} hours"
                        );
                    }
                    Unit::CalendarDays => {
                        let wanted = plus_days(civil(clock, start), length);
                        assert_eq!(end_of_day(clock, deadline), wanted, "{name}");
                    }
                    Unit::Months => {
                        assert_eq!(
                            end_of_day(clock, deadline),
                            plus_months(civil(clock, start), length),
                            "{name}"
                        );
                    }
                    Unit::WorkingDays => {
                        let list = set
                            .holidays
                            .iter()
                            .find(|list| Some(&list.id) == clock.holidays.as_ref());
                        let mut day = civil(clock, start);
                        let mut left = length;
                        while left > 0 {
                            day = plus_days(day, 1);
                            let date = jiff::civil::date(day.0, day.1, day.2);
                            let works = match list {
                                Some(list) => list.is_working(date),
                                None => weekday(day) < 5,
                            };
                            left -= u32::from(works);
                        }
                        assert_eq!(end_of_day(clock, deadline), day, "{name}");
                        // Beyond the list somebody must look.
                        let beyond = list.is_none_or(|list| {
                            !list.covers(jiff::civil::date(day.0, day.1, day.2))
                        });
                        assert!(!beyond || running.warning.is_some(), "{name}: no warning");
                    }
                }
                // Half, a quarter and a tenth of the time are left.
                let total = deadline.as_second() - start.as_second();
                for (text, part) in running.escalate_at.iter().zip([2, 4, 10]) {
                    let at: Timestamp = text.parse().unwrap();
                    let left = deadline.as_second() - at.as_second();
                    assert!((left - total / part).abs() <= 1, "{name}: {text}");
                }
                assert_eq!(running.escalate_at.len(), 3, "{name}");
                let zone = TimeZone::get(&clock.zone).unwrap();
                let offset = |at: Timestamp| zone.to_offset(at).seconds();
                over_summer_time += usize::from(offset(start) != offset(deadline));
                tried += 1;
            }
        }
    }
    assert!(tried >= 250, "only {tried} runs");
    assert!(
        over_summer_time >= 20,
        "only {over_summer_time} runs cross a change of the clock"
    );
}

/// Times in which this event happened at this moment.
fn times(event: StartEvent, at: Timestamp) -> Times {
    let mut times = Times {
        detected: Some(at),
        ..Times::default()
    };
    let decided = || {
        Some(hudun_duty::Aware {
            at,
            by: "王磊".to_owned(),
            evidence: "ledger:1".to_owned(),
        })
    };
    match event {
        StartEvent::Detected => {}
        StartEvent::Aware => times.aware = decided(),
        StartEvent::Assessed => times.assessed = Some(at),
        StartEvent::Handled => times.handled = Some(at),
        StartEvent::FixAvailable => times.fix_available = Some(at),
        StartEvent::Materiality => times.materiality = Some(at),
        StartEvent::Notified => times.notified = Some(at),
        StartEvent::IndividualsTold => times.individuals_told = Some(at),
    }
    times
}

type Day = (i16, i8, i8);

/// The day in the clock's zone.
fn civil(clock: &Clock, at: Timestamp) -> Day {
    let zone = TimeZone::get(&clock.zone).unwrap();
    let seconds = at.as_second() + i64::from(zone.to_offset(at).seconds());
    from_days(seconds.div_euclid(86_400))
}

/// The day, when this is its last second in the clock's zone.
fn end_of_day(clock: &Clock, at: Timestamp) -> Day {
    let zone = TimeZone::get(&clock.zone).unwrap();
    let seconds = at.as_second() + i64::from(zone.to_offset(at).seconds());
    assert_eq!(seconds.rem_euclid(86_400), 86_399, "{at} in {}", clock.zone);
    civil(clock, at)
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i8) -> i8 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970, counted one by one.
fn from_days(days: i64) -> Day {
    let (mut year, mut month, mut left) = (1970_i64, 1_i8, days);
    while left >= if leap(year) { 366 } else { 365 } {
        left -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    while left >= month_days(year, month).into() {
        left -= i64::from(month_days(year, month));
        month += 1;
    }
    (year as i16, month, left as i8 + 1)
}

fn plus_days(mut day: Day, count: u32) -> Day {
    for _ in 0..count {
        day.2 += 1;
        if day.2 > month_days(day.0.into(), day.1) {
            day = if day.1 == 12 {
                (day.0 + 1, 1, 1)
            } else {
                (day.0, day.1 + 1, 1)
            };
        }
    }
    day
}

/// The same day of a later month, or its last one.
fn plus_months(mut day: Day, count: u32) -> Day {
    for _ in 0..count {
        let (year, month) = if day.1 == 12 {
            (day.0 + 1, 1)
        } else {
            (day.0, day.1 + 1)
        };
        day = (year, month, day.2);
    }
    (day.0, day.1, day.2.min(month_days(day.0.into(), day.1)))
}

/// Monday is 0 (1 January 1970 was a Thursday).
fn weekday(day: Day) -> u32 {
    let mut days = 0_i64;
    while from_days(days) != day {
        days += 1;
    }
    ((days + 3) % 7) as u32
}
