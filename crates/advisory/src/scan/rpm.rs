//! Packages of an RPM database in SQLite, and what an RPM header says.
//!
//! Format of a header: <https://rpm-software-management.github.io/rpm/manual/format_header.html>; in the database without its
//! magic number.

/// A package.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) release: String,
    pub(super) epoch: Option<u32>,
    pub(super) arch: String,
    /// `openssl-3.0.7-24.el9.src.rpm`.
    pub(super) source: String,
}

/// Most entries of a header.
const ENTRIES: usize = 100_000;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCH: u32 = 1022;
const SOURCE: u32 = 1044;

/// Reads a header; `None` for what is none.
pub(super) fn header(blob: &[u8]) -> Option<Package> {
    let word = |at: usize| {
        let four = blob.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*four))
    };
    let entries = usize::try_from(word(0)?).ok()?;
    let length = usize::try_from(word(4)?).ok()?;
    if entries > ENTRIES {
        return None;
    }
    let begin = 8 + entries * 16;
    let data = blob.get(begin..begin.checked_add(length)?)?;
    let mut package = Package::default();
    for entry in 0..entries {
        let at = 8 + entry * 16;
        let (tag, kind, offset) = (word(at)?, word(at + 4)?, word(at + 8)?);
        let value = || data.get(usize::try_from(offset).ok()?..);
        let text = || {
            let bytes = value()?;
            let end = bytes.iter().position(|byte| *byte == 0)?;
            // A string, an array of them, or one in several languages: the first counts.
            matches!(kind, 6 | 8 | 9).then_some(())?;
            Some(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
        };
        match tag {
            NAME => package.name = text()?,
            VERSION => package.version = text()?,
            RELEASE => package.release = text()?,
            ARCH => package.arch = text()?,
            SOURCE => package.source = text()?,
            EPOCH if kind == 4 => {
                package.epoch = Some(u32::from_be_bytes(*value()?.first_chunk::<4>()?));
            }
            _ => {}
        }
    }
    (!package.name.is_empty() && !package.version.is_empty()).then_some(package)
}

impl Package {
    /// With epoch and release, as advisories write it.
    pub(super) fn full(&self) -> String {
        let epoch = self.epoch.filter(|epoch| *epoch > 0);
        let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
        format!("{epoch}{}-{}", self.version, self.release)
    }

    /// Name and version of the source package; no version where it is the package's own.
    pub(super) fn built_from(&self) -> Option<(String, Option<String>)> {
        let bare = self
            .source
            .strip_suffix(".src.rpm")
            .or_else(|| self.source.strip_suffix(".nosrc.rpm"))?;
        let (front, release) = bare.rsplit_once('-')?;
        let (name, version) = front.rsplit_once('-')?;
        let own = version == self.version && release == self.release;
        let version = (!own).then(|| format!("{version}-{release}"));
        (name != self.name || version.is_some()).then(|| (name.to_owned(), version))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_without_a_name_or_with_a_place_outside_is_none() {
        assert_eq!(header(&[]), None);
        assert_eq!(header(&[0xff; 8]), None);
        // One entry, a name that lies behind the data.
        let mut blob = [0, 0, 0, 1, 0, 0, 0, 2].to_vec();
        for word in [NAME, 6, 9, 1] {
            blob.extend(word.to_be_bytes());
        }
        blob.extend(b"a\0");
        assert_eq!(header(&blob), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(entries in 0_u32..20, length in 0_u32..200, rest in prop::collection::vec(any::<u8>(), 0..500)) {
            let mut blob = [entries.to_be_bytes(), length.to_be_bytes()].concat();
            blob.extend(rest);
            let _ = header(&blob);
        }
    }
}
