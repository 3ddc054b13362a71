//! Temporary: what drives ordinary scores.
use hudun_behaviour::*;
use hudun_simulate::*;
use std::collections::HashMap;
fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let days = 70;
    let kinds: Vec<AttackKind> = AttackKind::ALL
        .into_iter()
        .filter(|k| k.is_for_tuning())
        .collect();
    let sc = Scenario {
        seed: a[0].parse().unwrap(),
        days,
        staff: 200,
        attacks: kinds,
        each: 2,
        quiet_days: 35,
    };
    let mut year = Year::begin(sc).unwrap();
    let mut e = Engine::new(settings(), vec!["sales".into()]).unwrap();
    let mut best: HashMap<(String, u32), (f64, String, Vec<(&'static str, f64)>)> = HashMap::new();
    let mut room = Vec::new();
    let mut d = 0;
    while let Some(evs) = year.next_day() {
        let bad: std::collections::HashSet<String> =
            year.labels().map(|l| l.actor.clone()).collect();
        for ev in &evs {
            let s = e.observe(&ev.observe(&mut room));
            if s.kind == ScoreKind::Login {
                if s.band >= Band::Middle {
                    e.confirm_logins("simulated", &ev.actor);
                }
                continue;
            }
            if d < 35 || bad.contains(&ev.actor) {
                continue;
            }
            let k = (ev.actor.clone(), d);
            if best.get(&k).is_none_or(|b| b.0 < s.points) {
                best.insert(
                    k,
                    (
                        s.points,
                        s.sentences(6).en,
                        s.parts.iter().map(|p| (p.name, p.points)).collect(),
                    ),
                );
            }
        }
        d += 1;
    }
    let mut v: Vec<_> = best.into_iter().collect();
    v.sort_by(|x, y| y.1.0.total_cmp(&x.1.0));
    let mut sums: HashMap<&str, (f64, u32)> = HashMap::new();
    for (_, b) in v.iter().take(100) {
        for (n, p) in &b.2 {
            let e = sums.entry(n).or_default();
            e.0 += p;
            e.1 += 1;
        }
    }
    println!("{} actor-days; mean part over top 100:", v.len());
    for (n, (s, c)) in sums {
        println!("  {n:12} {:.2} ({c})", s / 100.0);
    }
    for (k, b) in v.iter().take(25) {
        println!(
            "{:6.2} {:14} d{} {:?}\n      {}",
            b.0,
            k.0,
            k.1,
            b.2.iter()
                .map(|(n, p)| format!("{n}:{p:.1}"))
                .collect::<Vec<_>>(),
            b.1
        );
    }
}
