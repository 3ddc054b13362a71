//! A database of regions that the test writes itself.

#![allow(clippy::unwrap_used, missing_docs)]

mod mmdb;

use std::path::Path;

use hudun::regions::open;
use mmdb::database;

#[test]
fn addresses_have_regions_and_a_faulty_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("regions.mmdb");
    let bytes = database(&[
        (
            [203, 0, 113, 0],
            24,
            "CN",
            Some("ZJ"),
            Some((30.27, 120.16)),
        ),
        ([198, 51, 100, 0], 25, "DE", None, None),
    ]);
    std::fs::write(&file, &bytes).unwrap();
    let regions = open(&file).unwrap();
    let of = |ip: &str| regions.of(ip.parse().unwrap());
    assert_eq!(of("203.0.113.77").as_deref(), Some("CN-ZJ"));
    assert_eq!(of("198.51.100.7").as_deref(), Some("DE"));
    let point = |ip: &str| regions.place(ip.parse().unwrap()).unwrap().point;
    let hangzhou = point("203.0.113.77").unwrap();
    assert_eq!(
        (hangzhou.latitude, hangzhou.longitude, hangzhou.radius_km),
        (30.27, 120.16, 20.0)
    );
    assert_eq!(point("198.51.100.7"), None);
    for nowhere in ["198.51.100.200", "10.1.1.1", "2001:db8::1"] {
        assert_eq!(of(nowhere), None, "{nowhere}");
    }
    // Damage places somebody wrongly or nobody; it never breaks.
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        std::fs::write(&file, &damaged).unwrap();
        if let Ok(regions) = open(&file) {
            let _whatever = regions.of("203.0.113.77".parse().unwrap());
        }
    }
    std::fs::write(&file, b"no database").unwrap();
    let error = format!("{:#}", open(&file).unwrap_err());
    assert!(
        error.contains("monitor.regions") && error.contains("regions.mmdb"),
        "{error}"
    );
    assert!(open(Path::new("/nowhere.mmdb")).is_err());
}
