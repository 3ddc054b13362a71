//! Where the test data lies.

use std::path::PathBuf;

/// A folder of the test data; none, with a word, where it is absent.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("HUDUN_TEST_DATA")
        .map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
            PathBuf::from,
        )
        .join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no folder {}", folder.display());
    None
}
