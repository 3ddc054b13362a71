//! Operation risk: what an actor did today, and in the days before, against what is usual for the person and the role.

use crate::Settings;
use crate::actor::{ActorState, NEWCOMER_DAYS, Outside};
use crate::clock::Moment;
use crate::facts::{Fact, MEASURES, Measure, Span};
use crate::peers::{Expected, Role};
use crate::score::Part;
use crate::stats::{attack_tail, count_tail, median, median_mad, t8_tail};

/// Days in which a slow count is summed up, besides today.
const SLOW: [u32; 2] = [7, 28];

/// The share of days on which a person works like any colleague on any day: bulk work that comes round once a month.
const LIKE_ANY: f64 = 0.1;

/// What is needed beside the actor.
pub(crate) struct Around<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) role: &'a Role,
    /// How busy the day is for everybody of the role.
    pub(crate) surge: f64,
    pub(crate) own_scope: bool,
}

/// Every part of the score as of now.
pub(crate) fn judge(actor: &ActorState, around: &Around<'_>, moment: Moment) -> Vec<Part> {
    let counts = actor.counts();
    let newcomer = actor.role_days < NEWCOMER_DAYS;
    let expected = expect(actor, around.role, newcomer, around.own_scope);
    let mut parts = vec![Part::new("prior", around.settings.prior, Fact::Prior)];
    let count = |measure: Measure| {
        let at = measure as usize;
        match (counts.get(at), expected.get(at)) {
            (Some(count), Some(expected)) => count_part(actor, around, measure, *count, *expected),
            _ => (0.0, Fact::Prior),
        }
    };
    // Measures of one family rise together: the weightiest speaks for all, so that one act isn't counted twice.
    let weightiest = |candidates: Vec<(f64, Fact)>| {
        candidates
            .into_iter()
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
    };
    let mut novelty = vec![count(Measure::New), count(Measure::NewFast)];
    if !newcomer {
        novelty.extend(slow(actor, around, Measure::New, &counts, &expected));
    }
    let mut colleagues = Vec::new();
    if around.own_scope {
        colleagues.push(count(Measure::Foreign));
        colleagues.extend(slow(actor, around, Measure::Foreign, &counts, &expected));
    }
    let mut taken: Vec<Part> = [
        (
            "volume",
            vec![
                count(Measure::Opened),
                count(Measure::OpenedFast),
                count(Measure::Listed),
            ],
        ),
        ("novelty", novelty),
        ("colleagues", colleagues),
        ("changes", vec![count(Measure::Changed)]),
        (
            "search",
            vec![count(Measure::Searches), breadth(actor, around)],
        ),
        ("probing", vec![count(Measure::Failed)]),
    ]
    .into_iter()
    .filter_map(|(name, candidates)| {
        weightiest(candidates).map(|(points, fact)| Part::new(name, points, fact))
    })
    .collect();
    // A customer of a colleague is mostly a new one, and many new ones are many: the second of these counts half, the
    // third a quarter, and so on.
    taken.sort_by(|one, other| other.points.total_cmp(&one.points));
    for (place, part) in taken.iter_mut().enumerate() {
        part.points *= 0.5_f64.powi(place as i32);
    }
    parts.append(&mut taken);
    let mut family = |name: &'static str, candidates: Vec<(f64, Fact)>| {
        if let Some((points, fact)) = weightiest(candidates) {
            parts.push(Part::new(name, points, fact));
        }
    };
    family("export", vec![export(actor, around)]);
    let mut reach = modules(actor, around);
    reach.extend(kinds(actor, around));
    family("reach", reach);
    family("hour", hours(actor, around, moment));
    family("pace", vec![rhythm(actor, around), long_day(actor)]);
    family("context", context(actor));
    if let Some((how, detail)) = &actor.today.outside {
        let what = match how {
            Outside::Network => "network",
            Outside::Module => "module",
            Outside::Rows => "rows",
        };
        family(
            "allow-list",
            vec![(
                6.0,
                Fact::Outside {
                    what,
                    detail: detail.clone(),
                },
            )],
        );
    }
    parts
}

/// What is expected of each measure.
pub(crate) fn expect(
    actor: &ActorState,
    role: &Role,
    newcomer: bool,
    own_scope: bool,
) -> [Expected; MEASURES] {
    Measure::ALL.map(|measure| role.expected(actor, measure as usize, newcomer, own_scope))
}

/// ln of how much likelier a count this high is from an attacker than from this person; 0 when it isn't, and never more
/// than honest freak days allow. `colleagues` is the share of the role's person-days that were as high.
fn surprise(count: f64, mean: f64, shape: f64, colleagues: f64, freak: f64) -> f64 {
    if count <= mean {
        return 0.0;
    }
    let attack = attack_tail(count);
    let honest =
        (1.0 - LIKE_ANY) * count_tail(count, mean, shape) + LIKE_ANY * colleagues + freak * attack;
    (attack / honest).ln().max(0.0)
}

fn count_part(
    actor: &ActorState,
    around: &Around<'_>,
    measure: Measure,
    count: u32,
    expected: Expected,
) -> (f64, Fact) {
    let busy = match measure {
        Measure::Foreign | Measure::Failed => 1.0,
        _ => around.surge,
    };
    let shape = 1.0 / (1.0 / expected.shape + expected.doubt);
    let count_as = f64::from(count);
    let points = surprise(
        count_as,
        expected.mean * busy,
        shape,
        expected.reached(count_as),
        around.settings.freak,
    );
    if points <= 0.0 {
        return (0.0, Fact::Prior);
    }
    let span = match measure {
        Measure::OpenedFast => Span::Minutes(actor.today.opened_fast_minutes),
        Measure::NewFast => Span::Minutes(10),
        _ => Span::Today,
    };
    let fact = Fact::Count {
        measure,
        count,
        span,
        usual: expected.mean,
        role_most: around.role.most(measure as usize),
        cold: actor.usual.days < 3.0,
    };
    (points, fact)
}

/// Sums over one and four weeks with today, and the days at work in them; of new customers, then of colleagues'.
pub(crate) fn slow_sums(actor: &ActorState, today: [u32; 2]) -> [[(u32, u32); 2]; 2] {
    let mut sums = [[(0, 0); 2]; 2];
    for (which, spans) in sums.iter_mut().enumerate() {
        for (sum, span) in spans.iter_mut().zip(SLOW) {
            let from = actor.today.day - span as i32;
            let days = actor.slow.iter().filter(|day| day.day > from);
            let (mut total, mut n) = (today.get(which).copied().unwrap_or_default(), 1);
            for day in days {
                total += if which == 0 { day.new } else { day.foreign };
                n += 1;
            }
            *sum = (total, n);
        }
    }
    sums
}

/// A count summed over one and four weeks: what is too little on any day.
fn slow(
    actor: &ActorState,
    around: &Around<'_>,
    measure: Measure,
    counts: &[u32; MEASURES],
    expected: &[Expected; MEASURES],
) -> Vec<(f64, Fact)> {
    let at = |measure: Measure| counts.get(measure as usize).copied().unwrap_or_default();
    let Some(expected) = expected.get(measure as usize) else {
        return Vec::new();
    };
    if at(measure) == 0 {
        return Vec::new();
    }
    let which = usize::from(measure == Measure::Foreign);
    let sums = slow_sums(actor, [at(Measure::New), at(Measure::Foreign)]);
    let spans = sums.get(which).into_iter().flatten().zip(SLOW).enumerate();
    let judged =
        spans
            .filter(|(_, ((_, days), _))| *days > 1)
            .map(|(place, ((count, days), span))| {
                let n = f64::from(*days);
                let mean = expected.mean * n * around.surge.sqrt();
                let count = *count;
                // Independent days: the shapes add up, with days that resemble their neighbours taken as half as many.
                let shape = 1.0
                    / (1.0 / (expected.shape * (1.0 + (n - 1.0) * 0.5)) + expected.doubt + 0.05);
                let colleagues = around.role.reached_slowly(which, place, f64::from(count));
                let points = surprise(
                    f64::from(count),
                    mean,
                    shape,
                    colleagues,
                    around.settings.freak,
                );
                let fact = Fact::Count {
                    measure,
                    count,
                    span: Span::Days(span),
                    usual: mean,
                    role_most: 0,
                    cold: actor.usual.days < 3.0,
                };
                (points, fact)
            });
    judged.collect()
}

fn export(actor: &ActorState, around: &Around<'_>) -> (f64, Fact) {
    let rows = actor.today.export_rows;
    if rows == 0 {
        return (0.0, Fact::Prior);
    }
    let role = around.role;
    let of_role = f64::from((role.export_days + 0.5) / (role.days + 5.0));
    let days = f64::from(actor.usual.days);
    let any =
        ((f64::from(actor.usual.export_days) + 3.0 * of_role) / (days + 3.0)).clamp(2e-5, 1.0);
    let size = (rows as f64).ln_1p();
    let of = |ring: &std::collections::VecDeque<f32>| {
        median_mad(
            &ring
                .iter()
                .map(|value| f64::from(*value))
                .collect::<Vec<_>>(),
        )
    };
    let own = if actor.usual.exports.len() >= 8 {
        of(&actor.usual.exports)
    } else {
        None
    };
    let peers = if role.exports.len() >= 5 {
        of(&role.exports)
    } else {
        None
    };
    let known = if own.is_some() {
        actor.usual.exports.len()
    } else {
        role.exports.len()
    };
    let (median_size, spread) = own.or(peers).unwrap_or_else(|| (200_f64.ln(), 1.0));
    // The fewer files there were, the less their spread says.
    let doubt = 0.1 + 0.8 / (known.max(1) as f64).sqrt();
    let tail = t8_tail((size - median_size - around.surge.ln()) / (spread + doubt));
    let freak = around.settings.freak;
    // Who exports to steal takes what there is: no size is too large for that.
    let attack = 0.4;
    let honest = (1.0 - freak) * any * tail + freak * attack;
    let points = (attack / honest).ln().max(0.0);
    let fact = Fact::Export {
        rows,
        usual: (!actor.usual.exports.is_empty()).then(|| median_size.exp_m1()),
        role_usual: peers.map_or(200.0, |(median, _)| median.exp_m1()),
    };
    (points, fact)
}

fn breadth(actor: &ActorState, around: &Around<'_>) -> (f64, Fact) {
    let rows = actor.today.search_rows;
    let own: Vec<f64> = actor
        .usual
        .breadths
        .iter()
        .map(|value| f64::from(*value))
        .collect();
    let peers: Vec<f64> = around
        .role
        .breadths
        .iter()
        .map(|value| f64::from(*value))
        .collect();
    let known = if own.len() >= 4 { &own } else { &peers };
    if rows < 50 || known.len() < 4 {
        return (0.0, Fact::Prior);
    }
    let Some((usual, spread)) = median_mad(known) else {
        return (0.0, Fact::Prior);
    };
    let z = ((rows as f64).ln_1p() - usual - around.surge.ln()) / (spread + 0.4);
    let points = (0.4 * attack_tail(rows as f64) / t8_tail(z))
        .ln()
        .clamp(0.0, 5.0);
    (
        points,
        Fact::Breadth {
            rows,
            usual: usual.exp_m1(),
        },
    )
}

/// A module that the person, and to a lesser degree the role, never uses.
fn modules(actor: &ActorState, around: &Around<'_>) -> Vec<(f64, Fact)> {
    let days_of = |modules: &[(String, f32)], name: &str| {
        modules
            .iter()
            .find(|(known, _)| known == name)
            .map_or(0.0, |(_, days)| f64::from(*days))
    };
    let n = f64::from(actor.usual.days);
    let judged = actor.today.modules.iter().map(|module| {
        let own = days_of(&actor.usual.modules, module);
        let of_role =
            (days_of(&around.role.modules, module) + 0.3) / (f64::from(around.role.days) + 3.0);
        let usual = ((own + 4.0 * of_role) / (n + 4.0)).clamp(0.004, 1.0);
        (
            (0.3 / usual).ln().clamp(0.0, 4.0),
            Fact::Module {
                module: module.clone(),
                days: own,
                of: n,
            },
        )
    });
    judged.collect()
}

fn kinds(actor: &ActorState, around: &Around<'_>) -> Vec<(f64, Fact)> {
    let n = f64::from(actor.usual.days);
    let judged = (0..32_u8)
        .filter(|bit| actor.today.kinds >> bit & 1 == 1)
        .map(|bit| {
            let at = |kinds: &[f32; 32]| {
                f64::from(kinds.get(usize::from(bit)).copied().unwrap_or_default())
            };
            let own = at(&actor.usual.kinds);
            let of_role = (at(&around.role.kinds) + 0.3) / (f64::from(around.role.days) + 3.0);
            let usual = ((own + 4.0 * of_role) / (n + 4.0)).clamp(0.004, 1.0);
            (
                (0.3 / usual).ln().clamp(0.0, 3.0),
                Fact::Kind {
                    kind: bit,
                    days: own,
                    of: n,
                },
            )
        });
    judged.collect()
}

fn hours(actor: &ActorState, around: &Around<'_>, moment: Moment) -> Vec<(f64, Fact)> {
    let sort = usize::from(moment.rest);
    let (Some(own), Some(passed)) = (actor.usual.hours.get(sort), actor.usual.passed.get(sort))
    else {
        return Vec::new();
    };
    let (Some(peers), Some(peers_passed)) =
        (around.role.hours.get(sort), around.role.passed.get(sort))
    else {
        return Vec::new();
    };
    let near = |hours: &[f32; 24], hour: u8| {
        let at = |step: u8| {
            f64::from(
                hours
                    .get(usize::from((hour + step) % 24))
                    .copied()
                    .unwrap_or_default(),
            )
        };
        at(0).max(0.7 * at(1)).max(0.7 * at(23))
    };
    let n = f64::from(*passed);
    let judged = (0..24_u8)
        .filter(|hour| actor.today.hours >> hour & 1 == 1)
        .map(|hour| {
            // What nobody has worked through yet is as likely as not.
            let of_role = (near(peers, hour) + 2.0 * 0.4) / (f64::from(*peers_passed) + 2.0);
            let share = ((near(own, hour) + 4.0 * of_role) / (n + 4.0)).clamp(0.01, 1.0);
            (
                (0.3 / share).ln().clamp(0.0, 2.5),
                Fact::Hour { hour, share },
            )
        });
    judged.collect()
}

fn rhythm(actor: &ActorState, around: &Around<'_>) -> (f64, Fact) {
    let Some((mean, spread)) = actor.today.steady else {
        return (0.0, Fact::Prior);
    };
    let of_role = f64::from((around.role.steady_days + 0.1) / (around.role.days + 4.0));
    let usual = ((f64::from(actor.usual.steady_days) + 4.0 * of_role)
        / (f64::from(actor.usual.days) + 4.0))
        .clamp(0.003, 1.0);
    let fact = Fact::Rhythm {
        acts: 24,
        mean_ms: f64::from(mean),
        spread: f64::from(spread),
    };
    ((0.4 / usual).ln().clamp(0.0, 4.5), fact)
}

fn long_day(actor: &ActorState) -> (f64, Fact) {
    let known: Vec<f64> = actor
        .usual
        .long
        .iter()
        .map(|value| f64::from(*value))
        .collect();
    let (Some(usual), true) = (median(&known), known.len() >= 5) else {
        return (0.0, Fact::Prior);
    };
    let spread = median_mad(&known).map_or(0.0, |(_, spread)| spread);
    let hours = actor.today.hours.count_ones();
    let z = (f64::from(hours) - usual) / (spread + 1.5);
    (
        (0.3 / t8_tail(z)).ln().clamp(0.0, 3.0),
        Fact::LongDay { hours, usual },
    )
}

/// How the actor came in.
fn context(actor: &ActorState) -> Vec<(f64, Fact)> {
    let today = &actor.today;
    let mut known = Vec::new();
    if today.odd_login > 0.0 {
        known.push((
            f64::from(today.odd_login),
            Fact::OddLogin {
                points: f64::from(today.odd_login),
            },
        ));
    }
    let session = match (today.session_network, today.session_device) {
        (true, true) => 5.5,
        (false, true) => 4.0,
        (true, false) => 2.0,
        _ => 0.0,
    };
    if session > 0.0 {
        known.push((
            session,
            Fact::Session {
                network: today.session_network,
                device: today.session_device,
            },
        ));
    }
    if today.silent_days >= 21 {
        let points = (f64::from(today.silent_days) / 10.0).ln().clamp(0.0, 2.5);
        known.push((
            points,
            Fact::Dormant {
                days: today.silent_days,
            },
        ));
    }
    known
}
