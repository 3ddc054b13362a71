//! A file of a feed: the first byte picks the format, the rest is the file, plain or packed.
#![no_main]

use hudun_advisory::{Cpe, Format, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, file)) = data.split_first() else {
        return;
    };
    let format = Format::ALL[usize::from(*first) % Format::ALL.len()];
    let reading = read(format, "feed", file);
    for affected in reading.records.iter().flat_map(|record| &record.affected) {
        // What a record says of a CPE can be written and read again.
        for cpe in &affected.cpes {
            assert_eq!(cpe.to_string().parse::<Cpe>().as_ref(), Ok(cpe));
        }
        assert!(affected.versions.iter().all(|version| version.len() <= 250));
    }
});
