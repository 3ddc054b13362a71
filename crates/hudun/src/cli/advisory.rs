//! `hudun advisory`: what is known of vulnerable versions, offline.

use std::cmp::Ordering;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hudun_advisory::{Ecosystem, Score, Version};
use serde_json::json;

/// Longest line that is read, bytes.
const LINE: u64 = 4 << 10;

#[derive(Subcommand)]
pub(super) enum AdvisoryCommand {
    /// Check facts about the order of versions: prints those that it holds to be wrong.
    ///
    /// Each line is `a < b`, `a = b` or `a > b`; empty lines and those that begin with # or // are left out. The exit code is 1
    /// when a line is wrong or can't be read. Example: echo '1.0-1 < 1.0' | hudun advisory order --ecosystem npm
    Order(OrderArgs),
    /// What CVSS vectors come to: versions 2.0, 3.0, 3.1 and 4.0. A vector that lacks a base metric has no score.
    ///
    /// The exit code is 1 when a vector can't be read. Example: hudun advisory score CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H
    Score {
        /// The vectors.
        #[arg(required = true)]
        vectors: Vec<String>,
        /// Print a JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(super) struct OrderArgs {
    /// Whose versions they are, as OSV names it: Alpine, CRAN, Debian, Hackage, Maven, NuGet, Packagist, Pub, PyPI, Red Hat,
    /// RubyGems, SemVer; or a registry that shares an order, such as npm, Go, crates.io, Ubuntu.
    #[arg(long)]
    ecosystem: String,
    /// The file; standard input when absent or -.
    file: Option<PathBuf>,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: AdvisoryCommand) -> anyhow::Result<ExitCode> {
    match command {
        AdvisoryCommand::Order(args) => order(&args),
        AdvisoryCommand::Score { vectors, json } => Ok(score(&vectors, json)),
    }
}

fn order(args: &OrderArgs) -> anyhow::Result<ExitCode> {
    let ecosystem: Ecosystem = args.ecosystem.parse().context("--ecosystem")?;
    let named = args.file.as_deref().filter(|file| *file != Path::new("-"));
    let (mut from, name): (Box<dyn BufRead>, String) = match named {
        Some(file) => {
            let opened = std::fs::File::open(file)
                .with_context(|| format!("{} can't be read", file.display()))?;
            (Box::new(BufReader::new(opened)), file.display().to_string())
        }
        None => (
            Box::new(std::io::stdin().lock()),
            "standard input".to_owned(),
        ),
    };
    let (mut number, mut facts, mut wrong) = (0_u64, 0_u64, 0_u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        number += 1;
        if from.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 == LINE && !line.ends_with(b"\n") {
            bail!("{name}, line {number}: longer than {LINE} bytes");
        }
        let text = std::str::from_utf8(&line)
            .with_context(|| format!("{name}, line {number}: not UTF-8"))?
            .trim();
        if text.is_empty() || text.starts_with('#') || text.starts_with("//") {
            continue;
        }
        facts += 1;
        let Some(found) = judge(ecosystem, text).with_context(|| {
            format!("{name}, line {number}: {text:?} is not a < b, a = b or a > b")
        })?
        else {
            continue;
        };
        wrong += 1;
        if args.json {
            println!(
                "{}",
                json!({ "line": number, "fact": text, "found": found })
            );
        } else {
            println!("{number}: {text}: {found}");
        }
    }
    eprintln!("{ecosystem}: {facts} facts, {wrong} wrong");
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn score(vectors: &[String], as_json: bool) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for vector in vectors {
        match vector.parse::<Score>() {
            Ok(score) if as_json => println!(
                "{}",
                json!({ "vector": vector, "version": score.version, "base": score.base, "environmental": score.environmental,
                    "severity": score.severity })
            ),
            Ok(score) => println!("{score}"),
            Err(error) => {
                eprintln!("hudun: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// What is wrong about a fact; nothing when it holds.
fn judge(ecosystem: Ecosystem, fact: &str) -> anyhow::Result<Option<String>> {
    let words: Vec<&str> = fact.split_whitespace().collect();
    let [one, sign, two] = words[..] else {
        bail!("it has not three words");
    };
    let wanted = match sign {
        "<" => Ordering::Less,
        "=" => Ordering::Equal,
        ">" => Ordering::Greater,
        _ => bail!("{sign:?} is no sign"),
    };
    let read = |text| Version::parse(ecosystem, text);
    let (a, b) = match (read(one), read(two)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(error), _) | (_, Err(error)) => return Ok(Some(error.to_string())),
    };
    let found = a.compare(&b);
    Ok((found != Some(wanted)).then(|| {
        let sign = match found {
            Some(Ordering::Less) => "<",
            Some(Ordering::Greater) => ">",
            _ => "=",
        };
        format!("{one} {sign} {two}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_fact_is_told_with_the_order_that_was_found() {
        let of = |fact| judge(Ecosystem::SemVer, fact);
        assert_eq!(of("1.0.0-rc.1 < 1.0.0").unwrap(), None);
        let found = of("1.0.0 < 1.0.0-rc.1").unwrap();
        assert_eq!(found.as_deref(), Some("1.0.0 > 1.0.0-rc.1"));
        let refused = of("latest = 1.0.0").unwrap().unwrap();
        assert!(refused.contains("latest"), "{refused}");
        assert!(of("1.0.0 <= 1.0.0").is_err() && of("1.0.0").is_err());
    }
}
