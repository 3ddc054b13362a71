//! Every vector of the test data has its score.

#![allow(clippy::unwrap_used)]

mod data;

use hudun_advisory::Score;

#[test]
fn every_vector_of_the_test_data_has_its_score() {
    let Some(folder) = data::folder("cvss") else {
        return;
    };
    let (mut vectors, mut environmental) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        for (at, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
            let (vector, wanted) = line.split_once(" - ").unwrap();
            let wanted: Vec<Option<f64>> = wanted
                .trim_matches(['(', ')'])
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(|text| text.parse().ok())
                .collect();
            let score: Score = vector.parse().unwrap();
            let place = format!("{}:{}: {line}: {score}", file.display(), at + 1);
            assert_eq!(Some(score.base), wanted[0], "{place}");
            vectors += 1;
            if let (Some(found), Some(Some(wanted))) = (score.environmental, wanted.get(2)) {
                assert_eq!(found, *wanted, "{place}");
                environmental += 1;
            }
        }
    }
    println!("{vectors} vectors, {environmental} with an environmental score");
    assert!(
        vectors > 7_600 && environmental >= 12,
        "{vectors} {environmental}"
    );
}

#[test]
fn a_vector_without_a_base_metric_has_no_score() {
    for (vector, why) in [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", "no A"),
        ("CVSS:4.0/AV:N/AC:L", "CVSS"),
        ("AV:N/AC:L/Au:N/C:P/I:P", "A (Availability"),
        ("CVSS:9.9/AV:N", "CVSS"),
        ("", "CVSS"),
        ("nine", "CVSS"),
    ] {
        let error = vector.parse::<Score>().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!("A".repeat(501).parse::<Score>().is_err());
}

#[test]
fn the_word_is_that_of_the_score_that_counts() {
    let of = |vector: &str| vector.parse::<Score>().unwrap();
    let plain = of("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
    assert_eq!((plain.severity, plain.environmental), ("critical", None));
    assert_eq!(plain.to_string(), "CVSS 3.1 9.8 (critical)");
    let here = of("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/MAV:P");
    assert!(here.value() < 7.0 && here.severity == "medium", "{here}");
    assert_eq!(of("(AV:N/AC:L/Au:N/C:P/I:P/A:P)").severity, "high");
}
