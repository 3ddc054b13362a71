//! A rule file that is read while somebody writes it.

#![allow(clippy::unwrap_used, missing_docs)]

use hudun::detection::load;
use hudun_monitor::RuleSettings;

#[test]
fn a_rule_file_half_written_is_refused_or_whole_rules_of_it_count() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ours.yml");
    let settings = RuleSettings {
        on: true,
        folder: Some(folder.path().to_owned()),
    };
    let text = "title: Read\nid: 7e1bbd5c-61f1-4b3f-8a1c-0f4e2f6f9a11\nname: site_read\n\
                logsource: { product: hudun, service: scrm }\ndetection:\n  selection:\n    scrm.module: \"客户\"\n  condition: selection\nlevel: low\n---\n\
                title: Many\nid: 1f0f4a7e-6f33-4d60-9a5e-4b8a7a3f5c22\ncorrelation:\n  type: event_count\n  rules: [site_read]\n\
                \x20 group-by: [src_endpoint.ip]\n  timespan: 1h\n  condition: { gte: 6 }\nlevel: low\n";
    let alone = load(&RuleSettings::default()).unwrap();
    let (rules, correlations) = (alone.rules().len(), alone.correlations().len());
    let mut refused = 0;
    for cut in (0..text.len()).step_by(7) {
        std::fs::write(&file, &text.as_bytes()[..cut]).unwrap();
        match load(&settings) {
            Ok(set) => {
                assert!(set.rules().len() - rules <= 1);
                assert!(set.correlations().len() - correlations <= 1);
            }
            Err(error) => {
                assert!(format!("{error:#}").contains("ours.yml"), "{error:#}");
                refused += 1;
            }
        }
    }
    assert!(refused > 10, "{refused}");
}
