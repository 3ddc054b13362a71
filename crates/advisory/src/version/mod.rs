//! Versions and how each ecosystem orders them.

mod alpine;
mod composer;
mod debian;
mod list;
mod maven;
pub(crate) mod number;
mod order;
mod pypi;
mod rpm;
mod ruby;
mod semver;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Longest version that is read, bytes. Real ones are far shorter.
const LONGEST: usize = 1_000;

/// Who orders the versions. Names as in OSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ecosystem {
    /// Alpine packages: apk-tools, `apk version`.
    Alpine,
    /// R packages: `package_version`, "Writing R Extensions" 1.1.1.
    Cran,
    /// Debian and Ubuntu packages: deb-version(7).
    Debian,
    /// Haskell packages: `Data.Version`.
    Hackage,
    /// Maven: "Version Order Specification" of the POM reference.
    Maven,
    /// NuGet: SemVer 2 with four numbers and pre-releases without case.
    NuGet,
    /// Composer packages: PHP's `version_compare`.
    Packagist,
    /// Dart packages: SemVer 2, in which a build counts (pub_semver).
    Pub,
    /// Python packages: PEP 440; what is no PEP 440 version is older than what is (packaging's legacy versions).
    PyPi,
    /// RPM packages: rpmvercmp.
    RedHat,
    /// Ruby gems: `Gem::Version`.
    RubyGems,
    /// npm, Go, crates.io and what else follows semver.org 2.0.
    SemVer,
}

impl Ecosystem {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Alpine,
        Self::Cran,
        Self::Debian,
        Self::Hackage,
        Self::Maven,
        Self::NuGet,
        Self::Packagist,
        Self::Pub,
        Self::PyPi,
        Self::RedHat,
        Self::RubyGems,
        Self::SemVer,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alpine => "Alpine",
            Self::Cran => "CRAN",
            Self::Debian => "Debian",
            Self::Hackage => "Hackage",
            Self::Maven => "Maven",
            Self::NuGet => "NuGet",
            Self::Packagist => "Packagist",
            Self::Pub => "Pub",
            Self::PyPi => "PyPI",
            Self::RedHat => "Red Hat",
            Self::RubyGems => "RubyGems",
            Self::SemVer => "SemVer",
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Ecosystem {
    type Err = UnknownEcosystem;

    /// Without case, spaces and signs: `Red Hat`, `redhat`; and the names of registries that share an order.
    fn from_str(name: &str) -> Result<Self, UnknownEcosystem> {
        // Asked for once per range of every statement: no memory is taken for it.
        let mut plain = [0_u8; 10];
        let mut letters = name.bytes().filter(u8::is_ascii_alphanumeric);
        let mut length = 0;
        for (place, letter) in plain.iter_mut().zip(&mut letters) {
            *place = letter.to_ascii_lowercase();
            length += 1;
        }
        let plain = match letters.next() {
            // The longest name has ten letters.
            Some(_) => b"",
            None => plain.get(..length).unwrap_or_default(),
        };
        let found = match plain {
            b"semver" | b"npm" | b"go" | b"cratesio" | b"cargo" | b"hex" | b"swifturl" => {
                Some(Self::SemVer)
            }
            b"packagist" | b"composer" => Some(Self::Packagist),
            b"rubygems" | b"gem" => Some(Self::RubyGems),
            b"debian" | b"ubuntu" | b"deb" => Some(Self::Debian),
            b"redhat" | b"rpm" | b"rockylinux" | b"almalinux" | b"suse" | b"opensuse" => {
                Some(Self::RedHat)
            }
            b"alpine" | b"apk" => Some(Self::Alpine),
            b"pypi" | b"pip" => Some(Self::PyPi),
            b"cran" => Some(Self::Cran),
            b"hackage" => Some(Self::Hackage),
            b"maven" => Some(Self::Maven),
            b"nuget" => Some(Self::NuGet),
            b"pub" => Some(Self::Pub),
            _ => None,
        };
        found.ok_or_else(|| UnknownEcosystem(name.to_owned()))
    }
}

/// Nobody knows how to order these versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no order is known for the ecosystem {0:?}: known are {known}", known = known())]
pub struct UnknownEcosystem(pub String);

fn known() -> String {
    Ecosystem::ALL.map(Ecosystem::name).join(", ")
}

/// A version as its ecosystem reads it. Two versions of different ecosystems have no order.
#[derive(Clone, Debug)]
pub struct Version {
    text: Box<str>,
    key: Key,
}

#[derive(Clone, Debug)]
enum Key {
    Alpine(alpine::Key),
    Composer(composer::Key),
    Debian(debian::Key),
    List(Ecosystem, list::Key),
    Maven(maven::Key),
    PyPi(pypi::Key),
    Rpm(rpm::Key),
    Ruby(ruby::Key),
    Sem(Ecosystem, semver::Key),
}

impl Version {
    /// Reads a version.
    ///
    /// # Errors
    /// [`VersionError`] saying why the ecosystem has no such version. Ecosystems that order any text refuse only what is
    /// empty or longer than 1,000 bytes.
    pub fn parse(ecosystem: Ecosystem, text: &str) -> Result<Self, VersionError> {
        let refuse = |why| VersionError {
            ecosystem,
            text: text.chars().take(100).collect(),
            why,
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(refuse("it is empty"));
        }
        if trimmed.len() > LONGEST {
            return Err(refuse("it is longer than 1,000 bytes"));
        }
        let key = match ecosystem {
            Ecosystem::Alpine => Ok(Key::Alpine(alpine::Key::read(trimmed))),
            Ecosystem::Cran | Ecosystem::Hackage => {
                list::Key::read(trimmed).map(|key| Key::List(ecosystem, key))
            }
            Ecosystem::Debian => debian::Key::read(trimmed).map(Key::Debian),
            Ecosystem::Maven => Ok(Key::Maven(maven::Key::read(trimmed))),
            Ecosystem::Packagist => Ok(Key::Composer(composer::Key::read(trimmed))),
            Ecosystem::PyPi => Ok(Key::PyPi(pypi::Key::read(trimmed))),
            Ecosystem::RedHat => Ok(Key::Rpm(rpm::Key::read(trimmed))),
            Ecosystem::RubyGems => ruby::Key::read(trimmed).map(Key::Ruby),
            Ecosystem::SemVer | Ecosystem::Pub | Ecosystem::NuGet => {
                let flavour = match ecosystem {
                    Ecosystem::Pub => semver::Flavour::Pub,
                    Ecosystem::NuGet => semver::Flavour::NuGet,
                    _ => semver::Flavour::Plain,
                };
                semver::Key::read(trimmed, flavour).map(|key| Key::Sem(ecosystem, key))
            }
        };
        Ok(Self {
            key: key.map_err(refuse)?,
            text: trimmed.into(),
        })
    }

    /// Which one is newer; `None` for versions of different ecosystems.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (&self.key, &other.key) {
            (Key::Alpine(one), Key::Alpine(two)) => one.cmp(two),
            (Key::Composer(one), Key::Composer(two)) => one.cmp(two),
            (Key::Debian(one), Key::Debian(two)) => one.cmp(two),
            (Key::List(of, one), Key::List(with, two)) if of == with => one.cmp(two),
            (Key::Maven(one), Key::Maven(two)) => one.cmp(two),
            (Key::PyPi(one), Key::PyPi(two)) => one.cmp(two),
            (Key::Rpm(one), Key::Rpm(two)) => one.cmp(two),
            (Key::Ruby(one), Key::Ruby(two)) => one.cmp(two),
            (Key::Sem(of, one), Key::Sem(with, two)) if of == with => one.cmp(two),
            _ => return None,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Version {
    /// The same place in the order: `1.0` equals `1.0.0` where the ecosystem says so.
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.compare(other)
    }
}

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no version of {ecosystem}: {why}")]
pub struct VersionError {
    /// Whose version it was to be.
    pub ecosystem: Ecosystem,
    /// The text, cut to 100 characters.
    pub text: String,
    /// Why not.
    pub why: &'static str,
}
