//! `hudun assets`: what there is to guard.

mod scan;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum AssetsCommand {
    /// What software a host or a directory holds, from package databases, lock files, archives and programs.
    ///
    /// Reads dpkg, apk and RPM (SQLite) databases, Java archives, Go programs, installed packages of Composer, npm and Python, and
    /// lock files of Composer, npm, Yarn, pnpm, Poetry, pip, Cargo, Go and NuGet. Links are not followed; the kernel's folders and
    /// network mounts are left out and listed. Nothing is run and nothing leaves the machine. The exit code is 2 when something
    /// could not be read, so that the list may lack something. Example: hudun assets scan / --out host.cdx.json
    Scan(scan::ScanArgs),
}

pub(super) fn run(command: AssetsCommand) -> anyhow::Result<ExitCode> {
    match command {
        AssetsCommand::Scan(args) => scan::run(&args),
    }
}
