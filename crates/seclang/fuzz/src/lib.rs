//! What the targets share: one exchange, judged the compiled and the interpreted way, must come out the same.

use hudun_seclang::{Judging, Outcome, RuleSet, Start, Strategy, Transaction};

/// Runs `feed` both ways and compares all that a caller sees.
pub fn agree(
    rules: &RuleSet,
    judging: Judging,
    mut feed: impl FnMut(&mut Transaction<'_>, Strategy),
) -> Outcome {
    let [a, b] = [Strategy::Compiled, Strategy::Interpreted].map(|strategy| {
        let start = Start {
            strategy,
            judging,
            ..Start::example()
        };
        let mut transaction = Transaction::new(rules, start);
        feed(&mut transaction, strategy);
        transaction.finish()
    });
    assert_eq!(a.matches, b.matches, "matches, {judging:?}");
    assert_eq!(a.intervention, b.intervention, "decision, {judging:?}");
    assert_eq!(a.score, b.score, "score, {judging:?}");
    assert_eq!(a.limits, b.limits, "limits, {judging:?}");
    assert_eq!(a.dropped_matches, b.dropped_matches, "dropped, {judging:?}");
    assert_eq!(a.audit, b.audit, "audit, {judging:?}");
    a
}

/// The rules under `HUDUN_FUZZ_RULES` (a file or a pattern), else Hudun's own.
pub fn rules() -> RuleSet {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../rules/waf/*.conf");
    let pattern = std::env::var("HUDUN_FUZZ_RULES").unwrap_or_else(|_| ours.to_owned());
    RuleSet::builder()
        .glob(pattern)
        .build()
        .expect("rules load")
}
