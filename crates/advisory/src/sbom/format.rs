//! Which formats there are, how one is told from another, and who reads it.

use serde::Serialize;

use super::{
    LARGEST, Out, Reason, composer, cyclonedx, golang, json, maven, npm, nuget, python, rust, spdx,
    system, yarn,
};

/// Where bytes come from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file, as the user knows it.
    pub place: &'a str,
    /// What it is: see [`Format::guess`].
    pub format: Format,
    /// The distribution, for the purls of system packages: `debian`, `ubuntu`, `alpine`, with its release where it is known:
    /// `debian-12`. A package database does not say.
    pub distro: Option<&'a str>,
}

/// A kind of file that names components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// CycloneDX 1.x as JSON.
    CycloneDxJson,
    /// CycloneDX 1.x as XML.
    CycloneDxXml,
    /// SPDX 2.x as JSON.
    SpdxJson,
    /// SPDX 2.x as tags and values.
    SpdxTags,
    /// PHP: `composer.lock`.
    ComposerLock,
    /// Node: `package-lock.json`, `npm-shrinkwrap.json`, versions 1 to 3.
    PackageLock,
    /// Python: pip's `requirements.txt`, exact versions only.
    Requirements,
    /// Python: `poetry.lock`.
    PoetryLock,
    /// Rust: `Cargo.lock`.
    CargoLock,
    /// Go: `go.sum`, every module that was ever looked at.
    GoSum,
    /// Go: `go.mod`, what is asked for.
    GoMod,
    /// Java: `pom.xml`, declared dependencies only.
    PomXml,
    /// Debian and Ubuntu: `/var/lib/dpkg/status`.
    DpkgStatus,
    /// Alpine: `/lib/apk/db/installed`.
    ApkInstalled,
    /// RPM databases, which are binary: [`crate::scan`] reads them where they lie, as text they are refused.
    Rpm,
    /// PHP: what Composer installed, `vendor/composer/installed.json`.
    ComposerInstalled,
    /// Node: the `package.json` of an installed package.
    NpmPackage,
    /// Node: `yarn.lock` of Yarn 1 and later.
    YarnLock,
    /// Node: `pnpm-lock.yaml`.
    PnpmLock,
    /// Python: `METADATA` or `PKG-INFO` of an installed package.
    PythonMetadata,
    /// .NET: `packages.lock.json`.
    NuGetLock,
}

impl Format {
    /// A package database of a system, whose purls name the distribution.
    pub const fn is_system(self) -> bool {
        matches!(self, Self::DpkgStatus | Self::ApkInstalled | Self::Rpm)
    }

    /// By the name of the file and, where many things have that name, by its content. `None` for what names no components.
    pub fn guess(path: &str, bytes: &[u8]) -> Option<Self> {
        let path = path.replace('\\', "/").to_ascii_lowercase();
        let name = path.rsplit('/').next().unwrap_or_default();
        let under = |folder: &str| path.contains(folder);
        match name {
            "composer.lock" => return Some(Self::ComposerLock),
            "package-lock.json" | ".package-lock.json" | "npm-shrinkwrap.json" => {
                return Some(Self::PackageLock);
            }
            "poetry.lock" => return Some(Self::PoetryLock),
            "cargo.lock" => return Some(Self::CargoLock),
            "go.sum" => return Some(Self::GoSum),
            "go.mod" => return Some(Self::GoMod),
            "pom.xml" => return Some(Self::PomXml),
            "status" if under("dpkg/") => return Some(Self::DpkgStatus),
            "installed" if under("apk/db/") => return Some(Self::ApkInstalled),
            "yarn.lock" => return Some(Self::YarnLock),
            "pnpm-lock.yaml" => return Some(Self::PnpmLock),
            "packages.lock.json" => return Some(Self::NuGetLock),
            "installed.json" if under("composer/") => return Some(Self::ComposerInstalled),
            "package.json" if under("node_modules/") => return Some(Self::NpmPackage),
            "metadata" if under(".dist-info/") => return Some(Self::PythonMetadata),
            "pkg-info" if under("egg-info/") => return Some(Self::PythonMetadata),
            "rpmdb.sqlite" => return Some(Self::Rpm),
            "packages" | "packages.db" if under("rpm/") => return Some(Self::Rpm),
            _ if under("dpkg/status.d/") && !name.ends_with(".md5sums") => {
                return Some(Self::DpkgStatus);
            }
            _ => {}
        }
        if name.starts_with("requirements") && name.ends_with(".txt") {
            return Some(Self::Requirements);
        }
        let start = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
        let start = String::from_utf8_lossy(start);
        let start = start.trim_start_matches('\u{feff}').trim_start();
        if start.starts_with('{') && bytes.len() <= LARGEST {
            return json::sniff(bytes);
        }
        if start.starts_with('<') && start.contains("cyclonedx.org/schema/bom") {
            return Some(Self::CycloneDxXml);
        }
        (start.starts_with("SPDXVersion:") || start.contains("\nSPDXVersion:"))
            .then_some(Self::SpdxTags)
    }
}

/// Reads a file of a known format.
pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) -> Result<(), Reason> {
    let format = out.source.format;
    if format == Format::Rpm {
        return Err(Reason::Rpm);
    }
    if bytes.len() > LARGEST {
        return Err(Reason::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Reason::NotText)?;
    let text = text.trim_start_matches('\u{feff}');
    match format {
        Format::CycloneDxJson => cyclonedx::from_json(text, out),
        Format::CycloneDxXml => cyclonedx::from_xml(text, out),
        Format::SpdxJson => spdx::from_json(text, out),
        Format::SpdxTags => spdx::from_tags(text, out),
        Format::ComposerLock => composer::lock(text, out),
        Format::PackageLock => npm::lock(text, out),
        Format::Requirements => {
            python::requirements(text, out);
            Ok(())
        }
        Format::PoetryLock => python::poetry(text, out),
        Format::CargoLock => rust::lock(text, out),
        Format::GoSum => {
            golang::sums(text, out);
            Ok(())
        }
        Format::GoMod => {
            golang::module(text, out);
            Ok(())
        }
        Format::PomXml => maven::pom(text, out),
        Format::DpkgStatus => {
            system::dpkg(text, out);
            Ok(())
        }
        Format::ApkInstalled => {
            system::apk(text, out);
            Ok(())
        }
        Format::Rpm => Err(Reason::Rpm),
        Format::ComposerInstalled => composer::installed(text, out),
        Format::NpmPackage => npm::package(text, out),
        Format::YarnLock => {
            yarn::lock(text, out);
            Ok(())
        }
        Format::PnpmLock => {
            yarn::pnpm(text, out);
            Ok(())
        }
        Format::PythonMetadata => {
            python::metadata(text, out);
            Ok(())
        }
        Format::NuGetLock => nuget::lock(text, out),
    }
}
