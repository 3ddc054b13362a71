//! Facts that cannot be true together.

use jiff::Timestamp;

use super::{Count, FactBase, Organisation, Place};
use crate::error::FactError;

pub(super) fn check(f: &FactBase) -> Result<(), FactError> {
    if f.format != 1 {
        return bounds(
            "format",
            format!("this engine reads format 1, not {}", f.format),
        );
    }
    numbers("", f.persons, f.sensitive_persons, f.minors)?;
    count("records", f.records)?;
    if let (Some(persons), Some(kinds)) = (f.persons, f.kinds.as_ref()) {
        for (kind, n) in kinds {
            count(&format!("kinds.{}", kind.id()), Some(*n))?;
            if n.high > persons.high {
                return contradiction(
                    &format!("kinds.{}.high", kind.id()),
                    "persons.high",
                    format!("{} persons of one kind, {} in all", n.high, persons.high),
                );
            }
            if f.kinds_not_involved.contains(kind) && n.high > 0 {
                return contradiction(
                    &format!("kinds.{}", kind.id()),
                    "kinds_not_involved",
                    "the kind is said to be affected and not involved".into(),
                );
            }
        }
    }
    places("places", f.places.as_deref())?;
    organisation("organisation", &f.organisation)?;
    if let (Some(persons), Some(places)) = (f.persons, f.places.as_deref()) {
        // A person may be counted in one place only, so no place can hold more than all.
        if let Some(p) = places.iter().find(|p| p.persons.high > persons.high) {
            return contradiction(
                &format!("places[{}].persons.high", p.country),
                "persons.high",
                format!("{} in one place, {} in all", p.persons.high, persons.high),
            );
        }
    }
    if f.tenants.len() > MAX_TENANTS {
        return bounds(
            "tenants",
            format!("{} tenants, at most {MAX_TENANTS}", f.tenants.len()),
        );
    }
    for (i, t) in f.tenants.iter().enumerate() {
        let at = format!("tenants[{i}].");
        numbers(&at, t.persons, t.sensitive_persons, t.minors)?;
        count(&format!("{at}records"), t.records)?;
        places(&format!("{at}places"), t.places.as_deref())?;
        organisation(&format!("{at}organisation"), &t.organisation)?;
        if let Some(kinds) = &t.kinds {
            for (kind, n) in kinds {
                count(&format!("{at}kinds.{}", kind.id()), Some(*n))?;
                let untouched = t.kinds_not_involved.as_ref();
                let untouched = untouched.unwrap_or(&f.kinds_not_involved);
                if untouched.contains(kind) && n.high > 0 {
                    return contradiction(
                        &format!("{at}kinds.{}", kind.id()),
                        "kinds_not_involved",
                        "the kind is said to be affected and not involved".into(),
                    );
                }
            }
        }
    }
    if let Some((i, span)) = f
        .tenants
        .iter()
        .enumerate()
        .find_map(|(i, t)| Some((i, t.occurred.filter(|span| span.from > span.to)?)))
    {
        return contradiction(
            &format!("tenants[{i}].occurred.from"),
            &format!("tenants[{i}].occurred.to"),
            format!("{} is after {}", span.from, span.to),
        );
    }
    breach(f)?;
    times(f)?;
    impact(f)?;
    enisa(f)
}

fn numbers(
    at: &str,
    persons: Option<Count>,
    sensitive: Option<Count>,
    minors: Option<Count>,
) -> Result<(), FactError> {
    count(&format!("{at}persons"), persons)?;
    for (name, part) in [("sensitive_persons", sensitive), ("minors", minors)] {
        count(&format!("{at}{name}"), part)?;
        if let (Some(all), Some(part)) = (persons, part)
            && part.high > all.high
        {
            return contradiction(
                &format!("{at}{name}.high"),
                &format!("{at}persons.high"),
                format!("{} of {} persons", part.high, all.high),
            );
        }
    }
    Ok(())
}

fn count(field: &str, c: Option<Count>) -> Result<(), FactError> {
    let Some(c) = c else { return Ok(()) };
    if c.low > c.likely {
        return contradiction(
            &format!("{field}.low"),
            &format!("{field}.likely"),
            format!("low {} is above likely {}", c.low, c.likely),
        );
    }
    if c.likely > c.high {
        return contradiction(
            &format!("{field}.likely"),
            &format!("{field}.high"),
            format!("likely {} is above high {}", c.likely, c.high),
        );
    }
    if c.high > MAX_PERSONS {
        return bounds(&format!("{field}.high"), format!("above {MAX_PERSONS}"));
    }
    Ok(())
}

fn places(field: &str, places: Option<&[Place]>) -> Result<(), FactError> {
    for (i, p) in places.unwrap_or_default().iter().enumerate() {
        country(&format!("{field}[{i}].country"), &p.country)?;
        count(&format!("{field}[{i}].persons"), Some(p.persons))?;
    }
    Ok(())
}

fn organisation(field: &str, o: &Organisation) -> Result<(), FactError> {
    for c in o.countries.iter().flatten() {
        country(&format!("{field}.countries"), c)?;
    }
    Ok(())
}

fn country(field: &str, code: &str) -> Result<(), FactError> {
    if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    bounds(
        field,
        format!("`{code}` is not an ISO 3166-1 alpha-2 code in capitals"),
    )
}

fn breach(f: &FactBase) -> Result<(), FactError> {
    let b = &f.breach;
    let nothing = b.leaked == Some(false)
        && b.altered == Some(false)
        && b.lost == Some(false)
        && b.possible == Some(false);
    if nothing && f.persons.is_some_and(|p| p.low > 0) {
        return contradiction(
            "breach",
            "persons.low",
            "no leak, alteration or loss happened or is possible, yet persons are proven affected"
                .into(),
        );
    }
    if b.unintelligible == Some(true)
        && f.kinds
            .as_ref()
            .is_some_and(|k| k.contains_key(&super::DataKind::Password))
    {
        return contradiction(
            "breach.unintelligible",
            "kinds.password",
            "passwords in clear are intelligible; hashed ones are `password_hash`".into(),
        );
    }
    Ok(())
}

fn times(f: &FactBase) -> Result<(), FactError> {
    let t = &f.times;
    let aware = t.aware.as_ref().map(|a| a.at);
    let order: [(&str, Option<Timestamp>, &str, Option<Timestamp>); 8] = [
        (
            "times.occurred_from",
            t.occurred_from,
            "times.occurred_to",
            t.occurred_to,
        ),
        (
            "times.occurred_from",
            t.occurred_from,
            "times.detected",
            t.detected,
        ),
        ("times.detected", t.detected, "times.aware.at", aware),
        ("times.detected", t.detected, "times.contained", t.contained),
        ("times.contained", t.contained, "times.handled", t.handled),
        ("times.detected", t.detected, "times.handled", t.handled),
        ("times.aware.at", aware, "times.assessed", t.assessed),
        ("times.detected", t.detected, "times.notified", t.notified),
    ];
    for (left, a, right, b) in order {
        if let (Some(a), Some(b)) = (a, b)
            && a > b
        {
            return contradiction(left, right, format!("{a} is after {b}"));
        }
    }
    if let Some(a) = &t.aware {
        for (field, value) in [
            ("times.aware.by", &a.by),
            ("times.aware.evidence", &a.evidence),
        ] {
            if value.trim().is_empty() {
                return bounds(
                    field,
                    "the decision that starts the clocks needs a named person and evidence".into(),
                );
            }
        }
    }
    Ok(())
}

fn impact(f: &FactBase) -> Result<(), FactError> {
    for (field, percent) in [
        (
            "impact.province_population_percent",
            f.impact.province_population_percent,
        ),
        (
            "impact.prefecture_population_percent",
            f.impact.prefecture_population_percent,
        ),
    ] {
        if percent.is_some_and(|p| p > 100) {
            return bounds(field, "a share above 100 percent".into());
        }
    }
    if let Some(c) = f.method.coverage_percent
        && !(0.0..=100.0).contains(&c)
    {
        return bounds("method.coverage_percent", "not between 0 and 100".into());
    }
    if f.system.mlps_level.is_some_and(|l| !(1..=5).contains(&l)) {
        return bounds("system.mlps_level", "not between 1 and 5".into());
    }
    if let Some(r) = &f.impact.risk
        && (r.by.trim().is_empty() || r.reason.trim().is_empty())
    {
        return bounds(
            "impact.risk",
            "a conclusion needs a named person and a reason".into(),
        );
    }
    Ok(())
}

fn enisa(f: &FactBase) -> Result<(), FactError> {
    let Some(e) = &f.enisa else { return Ok(()) };
    if e.by.trim().is_empty() || e.reason.trim().is_empty() {
        return bounds(
            "enisa",
            "own inputs need a named person and a reason".into(),
        );
    }
    let within = |field: &str, v: Option<u8>, low: u8, high: u8| match v {
        Some(v) if v < low || v > high => {
            bounds(field, format!("{v} is not between {low} and {high}"))
        }
        _ => Ok(()),
    };
    within("enisa.dpc", e.dpc, 1, 4)?;
    within("enisa.ei_quarters", e.ei_quarters, 1, 4)?;
    within(
        "enisa.confidentiality_quarters",
        e.confidentiality_quarters,
        0,
        2,
    )?;
    within("enisa.integrity_quarters", e.integrity_quarters, 0, 2)?;
    within("enisa.availability_quarters", e.availability_quarters, 0, 2)?;
    match e.malicious_quarters {
        None | Some(0 | 2) => Ok(()),
        Some(v) => bounds(
            "enisa.malicious_quarters",
            format!("{v} is neither 0 nor 2"),
        ),
    }
}

fn contradiction(left: &str, right: &str, why: String) -> Result<(), FactError> {
    Err(FactError::Contradiction {
        left: left.into(),
        right: right.into(),
        why,
    })
}

fn bounds(field: &str, why: String) -> Result<(), FactError> {
    Err(FactError::Bounds {
        field: field.into(),
        why,
    })
}

/// More tenants than any vendor here has.
const MAX_TENANTS: usize = 10_000;

/// More persons than live.
const MAX_PERSONS: u64 = 10_000_000_000;
