//! What software is there: component inventories, lock files and package databases, read into one [`Inventory`].
//!
//! Each reader takes text and gives components; none looks at the disk or the network. A file or an entry that can't be
//! read is in [`Inventory::refused`] with its place, so an inventory says what it lacks.
//!
//! ```
//! use hudun_advisory::sbom::{Format, Inventory, Source};
//!
//! let mut inventory = Inventory::default();
//! let source = Source { place: "shop/requirements.txt", format: Format::Requirements, distro: None };
//! inventory.add(&source, b"Django==4.2.1\nrequests>=2\n");
//! let found = &inventory.components[0];
//! assert_eq!(found.purl.as_deref(), Some("pkg:pypi/django@4.2.1"));
//! assert_eq!(found.where_found, "shop/requirements.txt: line 1");
//! assert_eq!(inventory.refused[0].place, "shop/requirements.txt: line 2");
//! ```

mod composer;
mod cyclonedx;
mod format;
mod golang;
mod identity;
mod json;
mod maven;
mod npm;
mod nuget;
mod python;
mod rust;
mod spdx;
mod system;
mod write;
mod xml;
mod yarn;

use std::fmt::Display;

use serde::{Serialize, Serializer};

pub use format::{Format, Source};
pub use identity::normalise_purl;
pub use write::{Document, cyclonedx};

use crate::version::Ecosystem;

/// Largest file, bytes.
const LARGEST: usize = 64 << 20;
/// Most components of an inventory.
pub const MOST_COMPONENTS: usize = 100_000;
/// Most refusals that are listed one by one.
const MOST_REFUSED: usize = 10_000;
/// Longest name, version, purl and CPE, bytes.
const LONGEST: usize = 1_000;
/// Longest place, characters: a tree may be deep.
const MOST_PLACE: usize = 500;
/// Most CPE names of one component.
const MOST_CPES: usize = 100;

/// The components of one or many files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// In the order of the files.
    pub components: Vec<Component>,
    /// What could not be taken, up to 10,000 of them and one for each file.
    pub refused: Vec<Refused>,
    /// How many more were refused than are listed.
    pub refused_more: usize,
    /// How many components have neither purl nor CPE: they can be matched by name at best.
    pub without_identity: usize,
    /// How many components have no version: no range can be decided for them.
    pub without_version: usize,
}

/// One component at one place. The same package at two places is two components: both have to be mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Component {
    /// As its ecosystem writes it: `@scope/name`, `vendor/name`, `group:artifact`; with the group in front where an inventory
    /// states one.
    pub name: String,
    /// `None` where the file states none, or one that is not exact.
    pub version: Option<String>,
    /// The purl type: `npm`, `composer`, `pypi`, `cargo`, `golang`, `maven`, `deb`, `apk` and whatever else a purl states.
    pub ecosystem: Option<String>,
    /// Normalised: see [`normalise_purl`].
    pub purl: Option<String>,
    /// CPE 2.3 names or CPE 2.2 URIs, as stated.
    pub cpes: Vec<String>,
    /// The file and the place in it.
    pub where_found: String,
    /// The source package of a system package, where it differs: distributions publish advisories for that.
    pub built_from: Option<BuiltFrom>,
}

/// A source package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuiltFrom {
    /// Its name.
    pub name: String,
    /// Its version, where that differs from the component's.
    pub version: Option<String>,
}

impl Component {
    /// The component that a purl names, as [`normalise_purl`] writes it.
    ///
    /// # Errors
    /// [`Reason::BadPurl`] for what is none.
    pub fn of_purl(text: &str) -> Result<Self, Reason> {
        let purl = identity::parse(text)?;
        Ok(Self {
            name: purl.name,
            version: purl.version,
            ecosystem: Some(purl.kind),
            purl: Some(purl.text),
            cpes: Vec::new(),
            where_found: String::new(),
            built_from: None,
        })
    }

    /// The order of its versions, where there is one.
    pub fn order(&self) -> Option<Ecosystem> {
        Some(match self.ecosystem.as_deref()? {
            "apk" => Ecosystem::Alpine,
            "cran" => Ecosystem::Cran,
            "deb" => Ecosystem::Debian,
            "hackage" => Ecosystem::Hackage,
            "maven" => Ecosystem::Maven,
            "nuget" => Ecosystem::NuGet,
            "composer" => Ecosystem::Packagist,
            "pub" => Ecosystem::Pub,
            "pypi" => Ecosystem::PyPi,
            "rpm" => Ecosystem::RedHat,
            "gem" => Ecosystem::RubyGems,
            "npm" | "golang" | "cargo" | "hex" | "swift" => Ecosystem::SemVer,
            _ => return None,
        })
    }
}

/// A file, entry or field that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The file and the place in it.
    pub place: String,
    /// Why.
    pub reason: Reason,
}

/// Why something was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The file is too large.
    #[error("the file is larger than 64 MiB")]
    TooLarge,
    /// The file has too many parts.
    #[error("the file has more than {0}")]
    TooMany(&'static str),
    /// Not text.
    #[error("the file is no UTF-8 text")]
    NotText,
    /// The syntax is broken: what the parser said.
    #[error("{0}")]
    Syntax(String),
    /// Another document than it should be.
    #[error("{0}")]
    Unsupported(String),
    /// A binary database.
    #[error(
        "an RPM database is binary and is not read as text: `hudun assets scan` reads it where it lies and writes CycloneDX"
    )]
    Rpm,
    /// The inventory is full.
    #[error("{0} components left out: an inventory holds 100,000")]
    Full(usize),
    /// A field that has to be there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// A field that is no text, too long, or has control characters.
    #[error("its {0} is no text of up to 1,000 bytes without control characters")]
    BadField(&'static str),
    /// A purl that is none.
    #[error("its purl is none: {0}")]
    BadPurl(String),
    /// A CPE name that is none.
    #[error("{0:?} is no CPE name")]
    BadCpe(String),
    /// A requirement that allows several versions.
    #[error("{0:?} is not pinned to one version")]
    NotPinned(String),
    /// It leads to another file.
    #[error("{0:?} leads to another file, which is not read from here")]
    Elsewhere(String),
    /// A package of the project itself.
    #[error("{0:?} is a local package, published nowhere")]
    Local(String),
    /// A package that was removed.
    #[error("{0:?} is not installed")]
    NotInstalled(String),
    /// A line that says nothing known.
    #[error("the line {0:?} is not understood")]
    BadLine(String),
    /// A value made of properties that this file does not state.
    #[error("{0:?} names a property that this file does not state")]
    Unresolved(String),
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Inventory {
    /// Reads a file into the inventory. What can't be read is refused with its place.
    pub fn add(&mut self, source: &Source<'_>, bytes: &[u8]) {
        self.add_chosen(source, bytes, true);
    }

    /// Reads a file; without `dev` what the file says to be there for development alone is counted and not taken.
    pub fn add_chosen(&mut self, source: &Source<'_>, bytes: &[u8], dev: bool) -> u64 {
        let mut out = Out {
            inventory: self,
            source,
            full: 0,
            dev,
            dev_left: 0,
        };
        if let Err(reason) = format::read(bytes, &mut out) {
            out.refuse_file(reason);
        }
        let (full, dev_left) = (out.full, out.dev_left);
        if full > 0 {
            out.refuse_file(Reason::Full(full));
        }
        dev_left
    }

    /// Says that a file was not read, and what to do instead.
    pub(crate) fn refuse(&mut self, place: &str, why: &str) {
        if self.refused.len() < MOST_REFUSED {
            self.refused.push(Refused {
                place: place.to_owned(),
                reason: Reason::Unsupported(cut(why)),
            });
        } else {
            self.refused_more += 1;
        }
    }

    /// Takes one package that is no entry of a text file.
    pub(crate) fn package(&mut self, package: &Package<'_>) {
        let source = Source {
            place: package.place,
            format: Format::Rpm,
            distro: package.distro,
        };
        let mut out = Out {
            inventory: self,
            source: &source,
            full: 0,
            dev: true,
            dev_left: 0,
        };
        match package.kind {
            "maven" => {
                let purl = out.purl(package.distro.is_some(), || {
                    identity::make("maven", package.distro, package.name, package.version, &[])
                });
                let name = match package.distro {
                    Some(group) => format!("{group}:{}", package.name),
                    None => package.name.to_owned(),
                };
                out.take(
                    "",
                    Found {
                        name,
                        version: package.version.map(str::to_owned),
                        // Without a group no registry can be asked: the name is all there is, and may propose.
                        ecosystem: package.distro.map(|_| "maven"),
                        purl,
                        ..Found::default()
                    },
                );
            }
            "golang" => golang::take(package.name, package.version, true, "", &mut out),
            kind => system::take(
                kind,
                package.name,
                package.version,
                Some(package.arch),
                package.built_from.clone(),
                "",
                &mut out,
            ),
        }
        let full = out.full;
        if full > 0
            && self
                .refused
                .last()
                .is_none_or(|last| last.place != package.place)
        {
            self.refuse(package.place, &Reason::Full(full).to_string());
        }
    }
}

/// A package of a binary database, an archive or a program.
pub(crate) struct Package<'a> {
    /// The purl's type: `rpm`, `maven`, `golang`.
    pub(crate) kind: &'static str,
    /// The distribution, or Maven's group.
    pub(crate) distro: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) version: Option<&'a str>,
    pub(crate) arch: &'a str,
    pub(crate) built_from: Option<BuiltFrom>,
    pub(crate) place: &'a str,
}

/// A component as a reader found it.
#[derive(Default)]
struct Found {
    name: String,
    version: Option<String>,
    ecosystem: Option<&'static str>,
    /// As stated, or made from name and version.
    purl: Option<Result<String, Reason>>,
    cpes: Vec<String>,
    built_from: Option<BuiltFrom>,
}

/// Where readers put what they find.
struct Out<'a> {
    inventory: &'a mut Inventory,
    source: &'a Source<'a>,
    full: usize,
    /// Take what is there for development alone too.
    dev: bool,
    /// How much of that was not taken.
    dev_left: u64,
}

impl Out<'_> {
    fn refuse(&mut self, at: impl Display, reason: Reason) {
        // No words are made for what is not listed: there may be millions of them.
        if self.inventory.refused.len() < MOST_REFUSED {
            let place = self.place(at);
            self.inventory.refused.push(Refused { place, reason });
        } else {
            self.inventory.refused_more += 1;
        }
    }

    fn refuse_file(&mut self, reason: Reason) {
        // What stands for a whole file is always listed.
        let place = self.source.place.to_owned();
        self.inventory.refused.push(Refused { place, reason });
    }

    /// Whether to leave something out that is there for development alone.
    fn leaves_dev(&mut self, dev: bool) -> bool {
        let leave = dev && !self.dev;
        self.dev_left += u64::from(leave);
        leave
    }

    /// The file, and the place in it where there is one.
    fn place(&self, at: impl Display) -> String {
        let at = at.to_string();
        let mut place = if at.is_empty() {
            self.source.place.to_owned()
        } else {
            format!("{}: {at}", self.source.place)
        };
        if let Some((end, _)) = place.char_indices().nth(MOST_PLACE) {
            place.truncate(end);
            place.push('…');
        }
        place
    }

    /// A purl that is being made; none is made for what the inventory has no room for.
    fn purl(
        &self,
        wanted: bool,
        make: impl FnOnce() -> Result<String, Reason>,
    ) -> Option<Result<String, Reason>> {
        (wanted && self.inventory.components.len() < MOST_COMPONENTS).then(make)
    }

    /// Takes a component, or says why not.
    fn take(&mut self, at: impl Display, found: Found) {
        if self.inventory.components.len() >= MOST_COMPONENTS {
            self.full += 1;
            return;
        }
        let name = found.name.trim();
        if name.is_empty() {
            return self.refuse(at, Reason::Missing("name"));
        }
        if !identity::fit(name) {
            return self.refuse(at, Reason::BadField("name"));
        }
        let mut version = found.version.map(|version| version.trim().to_owned());
        if version.as_deref().is_some_and(|text| !identity::fit(text)) {
            self.refuse(&at, Reason::BadField("version"));
            version = None;
        }
        version = version.filter(|text| !text.is_empty());
        let mut ecosystem = found.ecosystem.map(str::to_owned);
        let purl = match found.purl {
            Some(Ok(text)) => match identity::parse(&text) {
                Ok(purl) => {
                    version = version.or_else(|| purl.version.clone());
                    ecosystem = Some(purl.kind);
                    Some(purl.text)
                }
                Err(reason) => {
                    self.refuse(&at, reason);
                    None
                }
            },
            Some(Err(reason)) => {
                self.refuse(&at, reason);
                None
            }
            None => None,
        };
        let mut cpes = Vec::new();
        for cpe in found.cpes {
            if cpes.len() >= MOST_CPES {
                self.refuse(&at, Reason::TooMany("100 CPE names"));
                break;
            }
            if identity::is_cpe(&cpe) {
                cpes.push(cpe);
            } else {
                self.refuse(&at, Reason::BadCpe(cpe.chars().take(100).collect()));
            }
        }
        cpes.sort_unstable();
        cpes.dedup();
        self.inventory.without_identity += usize::from(purl.is_none() && cpes.is_empty());
        self.inventory.without_version += usize::from(version.is_none());
        let where_found = self.place(at);
        self.inventory.components.push(Component {
            name: name.to_owned(),
            version,
            ecosystem,
            purl,
            cpes,
            where_found,
            built_from: found.built_from,
        });
    }
}

/// A text cut for a message, without what would move a terminal's cursor.
fn cut(text: &str) -> String {
    let shown = |letter: char| {
        if letter.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            letter
        }
    };
    text.chars().take(200).map(shown).collect()
}
