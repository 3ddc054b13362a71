//! Commands that need no running Hudun and no network.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use hudun_core::Timestamp;
use hudun_duty::{FactBase, Lang, NoticeKind, RenderOptions, RuleSet, Tenant};
use hudun_intel::assets::check_entries;
use hudun_ledger::{Trust, VerifierKey};
use serde_json::{Value, json};

use crate::addresses::AddressFile;
use crate::config::Config;
use crate::system::read_profile;

/// A configuration to begin with; a test reads it back.
const EXAMPLE: &str = include_str!("example.yaml");

pub(super) fn verify(pack: &Path, key: Option<&str>, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = key.map(read_key).transpose()?;
    let trust = Trust {
        key,
        ..Trust::default()
    };
    let file = File::open(pack).with_context(|| pack.display().to_string())?;
    let report = hudun_ledger::pack::verify(std::io::BufReader::new(file), &trust);
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    if as_json {
        let body = json!({
            "sound": report.is_sound(), "incident": report.incident, "entries": report.entries,
            "key_fingerprint": report.fingerprint, "key_trusted": report.key_trusted,
            "created": report.created.map(Timestamp::from_millis),
            "problems": problems, "more_problems": report.more_problems,
        });
        println!("{}", serde_json::to_string_pretty(&body)?);
    } else if report.is_sound() {
        println!(
            "完好 sound: {}",
            report.incident.as_deref().unwrap_or_default()
        );
        println!(
            "  {} 条记录全部与签名的检查点一致 / entries, all of them under the signed checkpoint",
            report.entries
        );
        println!(
            "  公钥指纹 key fingerprint {}",
            report.fingerprint.as_deref().unwrap_or_default()
        );
        if !report.key_trusted {
            println!(
                "  未指定信任的公钥：请用 --key 或当面核对指纹 / no trusted key was given: compare the fingerprint, or use --key"
            );
        }
    } else {
        println!("已被改动或不完整 NOT sound:");
        for (problem, line) in report.problems.iter().zip(&problems) {
            println!("  {line}");
            println!("    {}", problem.zh());
        }
        if report.more_problems > 0 {
            println!("  … {} more", report.more_problems);
        }
    }
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn read_key(key: &str) -> anyhow::Result<VerifierKey> {
    let text = if Path::new(key).is_file() {
        std::fs::read_to_string(key)?
    } else {
        key.to_owned()
    };
    VerifierKey::parse(text.trim()).context("--key: not a public key of the form name+hash+base64")
}

pub(super) fn check_profile(file: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let profile = read_profile(file)?;
    let found = profile.check();
    let problems: Vec<String> = found.iter().map(ToString::to_string).collect();
    let faulty = found
        .iter()
        .any(|problem| problem.gravity == hudun_profile::Gravity::Error);
    if as_json {
        let body = json!({ "product": profile.product, "verified": profile.verified, "problems": problems });
        println!("{}", serde_json::to_string_pretty(&body)?);
    } else {
        println!(
            "{}: {} modules, {} routes",
            profile.product,
            profile.modules.len(),
            profile.routes.len()
        );
        problems.iter().for_each(|problem| println!("  {problem}"));
        if problems.is_empty() {
            println!("  no problems");
        }
    }
    Ok(if faulty {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

pub(super) fn learn(
    files: &[std::path::PathBuf],
    upstream: Option<&str>,
    listen: std::net::SocketAddr,
    product: &str,
) -> anyhow::Result<ExitCode> {
    let mut learner = hudun_learn::Learner::default();
    let live = files.iter().any(|file| file.as_os_str() == "live");
    if live {
        anyhow::ensure!(
            files.len() == 1,
            "--from live stands alone; learn from files in a second call"
        );
        let upstream = upstream.context("--from live needs --upstream, the address of the SCRM")?;
        let runtime = tokio::runtime::Runtime::new()?;
        learner = runtime.block_on(crate::learn_live::learn(upstream, listen, async {
            let _ = tokio::signal::ctrl_c().await;
        }))?;
    } else {
        anyhow::ensure!(upstream.is_none(), "--upstream goes with --from live");
        for file in files {
            learner.read_file(file)?;
        }
    }
    let counts = learner.counts();
    anyhow::ensure!(
        counts.samples > 0,
        "no request was seen, so nothing can be proposed"
    );
    print!("{}", learner.propose(product));
    eprintln!(
        "{} requests; {} unreadable, {} bodies not read, {} findings beyond a bound",
        counts.samples, counts.unreadable, counts.bodies, counts.left_out
    );
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check_config(file: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let checked = Config::read(file)
        .map_err(anyhow::Error::from)
        .and_then(|config| {
            let profile = read_profile(&config.gateway.profile)?;
            crate::waf::check(&config.gateway.inspection, &profile)?;
            crate::detection::check(&config.monitor.rules)?;
            crate::site::of(&profile, &config.monitor, None)?;
            config.intel.check().context("intel")?;
            check_entries(&config.assets).context("assets")?;
            if let Some(file) = &config.addresses {
                AddressFile::check(file).context("addresses")?;
            }
            Ok(())
        });
    match checked {
        Ok(()) if as_json => println!("{}", json!({ "good": true })),
        Ok(()) => println!("{}: good", file.display()),
        Err(error) if as_json => {
            println!(
                "{}",
                json!({ "good": false, "problem": format!("{error:#}") })
            );
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn example() -> anyhow::Result<ExitCode> {
    print!("{EXAMPLE}");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn assess(facts: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let rules = RuleSet::embedded()?;
    let text = read(facts)?;
    if as_json {
        let assessment = hudun_duty::assess_json(&text, &rules, now()?)?;
        println!("{}", serde_json::to_string_pretty(&assessment)?);
        return Ok(ExitCode::SUCCESS);
    }
    let assessment = hudun_duty::assess(&FactBase::from_json(&text)?, &rules, now()?)?;
    for duty in &assessment.duties {
        let until = duty.deadline.as_deref().unwrap_or("-");
        println!(
            "{:<14} {:<20} {until}  {}",
            format!("{:?}", duty.verdict),
            duty.rule,
            duty.reason.zh
        );
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn rules(as_json: bool) -> anyhow::Result<ExitCode> {
    let rules = RuleSet::embedded()?;
    if as_json {
        println!(
            "{}",
            serde_json::to_string_pretty(&hudun_duty::rules_json(&rules)?)?
        );
    } else {
        for rule in &rules.rules {
            println!(
                "{:<20} {:<4} {}  ({})",
                rule.id,
                format!("{:?}", rule.evidence),
                rule.title.zh,
                rule.verified_at
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn lint(notice: &Path, facts: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let rules = RuleSet::embedded()?;
    let result = hudun_duty::lint_json(&read(notice)?, &read(facts)?, "{}", &rules, now()?)?;
    let passes = result
        .get("passes")
        .and_then(Value::as_bool)
        .unwrap_or_default();
    if as_json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        for refusal in result
            .get("refusals")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            println!("{}", serde_json::to_string(refusal)?);
        }
        println!("{}", if passes { "passes" } else { "refused" });
    }
    Ok(if passes {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(super) fn render(
    kind: &str,
    lang: &str,
    facts: &Path,
    tenant: Option<&str>,
    out: &Path,
) -> anyhow::Result<ExitCode> {
    let rules = RuleSet::embedded()?;
    let kind =
        NoticeKind::parse(kind).with_context(|| format!("--kind: there is no notice {kind:?}"))?;
    let lang = Lang::parse(lang).with_context(|| format!("--lang: {lang:?}; write zh-CN or en"))?;
    let mut facts = FactBase::from_json(&read(facts)?)?;
    if kind == NoticeKind::TenantLetter && !facts.tenants.is_empty() {
        facts = facts.letter_to(addressed(&facts, tenant)?);
    } else if tenant.is_some() {
        anyhow::bail!("--tenant: goes with --kind tenant_letter, and facts that hold tenants");
    }
    let draft = hudun_duty::render(
        kind,
        lang,
        &facts,
        &rules,
        now()?,
        &RenderOptions::default(),
    )?;
    let form = out.extension().and_then(|ending| ending.to_str());
    let bytes = crate::forms::file(&draft, form.unwrap_or_default()).context("--out")?;
    std::fs::write(out, bytes).with_context(|| out.display().to_string())?;
    println!("{}", out.display());
    Ok(ExitCode::SUCCESS)
}

pub(super) fn affected(
    api: &str,
    out: &Path,
    phones: bool,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let files = hudun_affected::hosted_files(api, phones).context("--api")?;
    std::fs::create_dir_all(out).with_context(|| format!("--out {}", out.display()))?;
    let mut written = Vec::new();
    for file in files {
        let path = out.join(file.name);
        std::fs::write(&path, file.text).with_context(|| path.display().to_string())?;
        written.push(path);
    }
    if as_json {
        println!("{}", json!({ "files": written }));
    } else {
        println!(
            "{} files in {}; host the folder, and name its origin in affected.hosted_at",
            written.len(),
            out.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The tenant that was named, or the only one.
fn addressed<'a>(facts: &'a FactBase, named: Option<&str>) -> anyhow::Result<&'a Tenant> {
    let ids: Vec<&str> = facts.tenants.iter().map(|one| one.id.as_str()).collect();
    let known = ids.join(", ");
    match (named, &facts.tenants[..]) {
        (None, [only]) => Ok(only),
        (None, _) => anyhow::bail!("--tenant: name the one that the letter goes to: {known}"),
        (Some(id), all) => all
            .iter()
            .find(|one| one.id == id)
            .with_context(|| format!("--tenant: the facts hold no {id:?}, but {known}")),
    }
}

fn now() -> anyhow::Result<jiff::Timestamp> {
    Ok(jiff::Timestamp::from_millisecond(
        Timestamp::now().as_millis(),
    )?)
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_configuration_is_good() {
        let config: crate::config::Config = serde_saphyr::from_str(super::EXAMPLE).unwrap();
        assert_eq!(config.gateway.tenant, "default");
    }
}
