//! Which files name components, and who reads each.

use crate::sbom::Format;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As text.
    Text(Format),
    /// The SQLite database of RPM.
    RpmDatabase,
    /// Another database of RPM: which, for the advice.
    RpmOther,
    /// A Java archive.
    Jar,
    /// A file that may be run, and perhaps was built by Go.
    Binary,
}

/// By its path below the root, with `/` between its parts. `runs`: the file may be executed.
pub(super) fn kind(path: &str, runs: bool) -> Option<Kind> {
    let path = format!("/{path}");
    let (folder, name) = path.rsplit_once('/')?;
    let last = folder.rsplit('/').next().unwrap_or_default();
    let text = |format: Format| Some(Kind::Text(format));
    match name {
        "status" if folder.ends_with("/dpkg") => return text(Format::DpkgStatus),
        "installed" if folder.ends_with("/apk/db") => return text(Format::ApkInstalled),
        "rpmdb.sqlite" => return Some(Kind::RpmDatabase),
        "Packages" | "Packages.db" if folder.ends_with("/rpm") => return Some(Kind::RpmOther),
        "composer.lock" => return text(Format::ComposerLock),
        "installed.json" if last == "composer" => return text(Format::ComposerInstalled),
        "package-lock.json" | ".package-lock.json" | "npm-shrinkwrap.json" => {
            return text(Format::PackageLock);
        }
        "package.json" if is_module(folder) => return text(Format::NpmPackage),
        "yarn.lock" => return text(Format::YarnLock),
        "pnpm-lock.yaml" => return text(Format::PnpmLock),
        "poetry.lock" => return text(Format::PoetryLock),
        "METADATA" if last.ends_with(".dist-info") => return text(Format::PythonMetadata),
        "PKG-INFO" if last.ends_with(".egg-info") || last == "EGG-INFO" => {
            return text(Format::PythonMetadata);
        }
        "Cargo.lock" => return text(Format::CargoLock),
        "go.sum" => return text(Format::GoSum),
        "go.mod" => return text(Format::GoMod),
        "packages.lock.json" => return text(Format::NuGetLock),
        _ => {}
    }
    if folder.ends_with("/dpkg/status.d") && !name.ends_with(".md5sums") {
        return text(Format::DpkgStatus);
    }
    // Old Python packages are described by one file.
    if name.ends_with(".egg-info") {
        return text(Format::PythonMetadata);
    }
    if name.starts_with("requirements") && name.ends_with(".txt") {
        return text(Format::Requirements);
    }
    if super::jar::is_archive(name) {
        return Some(Kind::Jar);
    }
    // Libraries are run by others.
    let library = name.ends_with(".so") || name.contains(".so.");
    (runs && !library).then_some(Kind::Binary)
}

/// A folder right below `node_modules`, or below a scope in it.
fn is_module(folder: &str) -> bool {
    let Some((above, last)) = folder.rsplit_once('/') else {
        return false;
    };
    if last.starts_with('.') {
        return false;
    }
    above.ends_with("/node_modules")
        || above
            .rsplit_once('/')
            .is_some_and(|(top, scope)| scope.starts_with('@') && top.ends_with("/node_modules"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_where_they_lie() {
        let text = |format| Some(Kind::Text(format));
        for (path, wanted) in [
            ("var/lib/dpkg/status", text(Format::DpkgStatus)),
            ("var/lib/dpkg/status.d/base", text(Format::DpkgStatus)),
            ("var/lib/dpkg/status.d/base.md5sums", None),
            ("srv/status", None),
            ("lib/apk/db/installed", text(Format::ApkInstalled)),
            ("usr/lib/sysimage/rpm/rpmdb.sqlite", Some(Kind::RpmDatabase)),
            ("var/lib/rpm/Packages", Some(Kind::RpmOther)),
            ("a/node_modules/x/package.json", text(Format::NpmPackage)),
            ("a/node_modules/@s/x/package.json", text(Format::NpmPackage)),
            ("a/node_modules/x/lib/package.json", None),
            ("package.json", None),
            (
                "vendor/composer/installed.json",
                text(Format::ComposerInstalled),
            ),
            (
                "p/Django-4.2.dist-info/METADATA",
                text(Format::PythonMetadata),
            ),
            ("METADATA", None),
            ("opt/app.war", Some(Kind::Jar)),
            (".jar", None),
        ] {
            assert_eq!(kind(path, false), wanted, "{path}");
        }
        assert_eq!(kind("usr/bin/caddy", true), Some(Kind::Binary));
        assert_eq!(kind("usr/lib/libc.so.6", true), None);
    }
}
