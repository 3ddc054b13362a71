//! `hudun intel`: feeds of published vulnerabilities, on the data folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hudun_intel::feeds::{
    Asked, BundleKey, BundleSigner, FeedState, FeedStatus, Feeds, FeedsConfig, FeedsError,
    Manifest, Pulled, Taken, ask, make_bundle, read_status, verify_bundle,
};
use serde::Deserialize;
use serde_json::json;

/// How long a running guard is given to do what was asked of it.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Subcommand)]
pub(super) enum IntelCommand {
    /// Pull feeds now, whether they are due or not. A running guard pulls by itself: then this says so and does nothing.
    ///
    /// The exit code is 2 when a feed could not be taken; the others are taken all the same, and of that one what was held
    /// still counts.
    Pull {
        /// The configuration file, with the section `intel`.
        #[arg(long)]
        config: PathBuf,
        /// Only this feed; all that have an address when absent.
        #[arg(long)]
        feed: Option<String>,
    },
    /// How it stands with each feed: fresh, late, shrunk, backwards, failing or never. Also while a guard is running.
    ///
    /// The exit code is 2 when a feed is not fresh.
    Status {
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Accept what is held back of a feed because it has far fewer records than before. Also while a guard is running.
    Accept {
        /// The feed.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Signed bundles, which carry feeds to a network without internet.
    #[command(subcommand)]
    Bundle(BundleCommand),
}

#[derive(Subcommand)]
pub(super) enum BundleCommand {
    /// Make a pair of keys: NAME.key signs, and stays here; NAME.pub is put into intel.bundle_keys there.
    Keygen {
        /// Name of the two files.
        name: PathBuf,
    },
    /// Put what is held of the feeds into one signed file. Also while a guard is running.
    Make {
        #[command(flatten)]
        place: Place,
        /// Only these feeds; all when absent.
        #[arg(long = "feed")]
        feeds: Vec<String>,
        /// The file NAME.key.
        #[arg(long)]
        key: PathBuf,
        /// The bundle's number, which must go up; the seconds since 1970 when absent.
        #[arg(long)]
        serial: Option<u64>,
        /// Where to.
        #[arg(long)]
        out: PathBuf,
    },
    /// Check a bundle: who signed it, and whether every file in it is as it was.
    Verify {
        /// The bundle.
        file: PathBuf,
        /// A trusted public key, or a file that holds one.
        #[arg(long = "key", required = true)]
        keys: Vec<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Load a bundle. Beside a running guard, it is put into that one's drop folder, and this waits for the outcome.
    Load {
        /// The bundle.
        file: PathBuf,
        #[command(flatten)]
        place: Place,
        /// A public key that is trusted beside those of the configuration. A running guard trusts those of its own alone.
        #[arg(long = "key")]
        keys: Vec<String>,
        /// Load it although a newer one was loaded before.
        #[arg(long)]
        allow_older: bool,
    },
}

/// Whose feeds.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// The configuration file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data folder.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// What concerns feeds in the configuration file; the rest is checked by `hudun config check`.
#[derive(Deserialize)]
struct Part {
    data: PathBuf,
    #[serde(default)]
    intel: FeedsConfig,
}

pub(super) fn run(command: IntelCommand) -> anyhow::Result<ExitCode> {
    match command {
        IntelCommand::Pull { config, feed } => pull(&config, feed.as_deref()),
        IntelCommand::Status { place, json } => status(&place, json),
        IntelCommand::Accept { name, place } => accept(&name, &place),
        IntelCommand::Bundle(command) => bundle(command),
    }
}

impl Place {
    fn read(&self) -> anyhow::Result<(PathBuf, FeedsConfig)> {
        match (&self.config, &self.data) {
            (Some(file), _) => read(file),
            (None, Some(data)) => Ok((folder(data)?, FeedsConfig::default())),
            (None, None) => bail!("--config or --data is needed"),
        }
    }
}

fn read(file: &Path) -> anyhow::Result<(PathBuf, FeedsConfig)> {
    let named = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(named)?;
    let part: Part = serde_saphyr::from_str(&text).with_context(named)?;
    part.intel.check().with_context(named)?;
    Ok((folder(&part.data)?, part.intel))
}

fn folder(data: &Path) -> anyhow::Result<PathBuf> {
    if !data.is_dir() {
        bail!("{}: there is no such data folder", data.display());
    }
    Ok(data.join("intel"))
}

fn pull(config: &Path, feed: Option<&str>) -> anyhow::Result<ExitCode> {
    let (folder, config) = read(config)?;
    let feeds = Feeds::open(&folder, config)?;
    let names = match feed {
        Some(name) => vec![name.to_owned()],
        None => feeds.pulled_names(),
    };
    if names.is_empty() {
        bail!("no feed has an address: list some under intel.feeds");
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let mut whole = true;
    for name in names {
        match runtime.block_on(feeds.pull(&name))? {
            Pulled::Accepted { records } => {
                println!("{name}: 已采用 {records} 条 / {records} records taken");
            }
            Pulled::Unchanged => println!("{name}: 无变化 / nothing new"),
            Pulled::Refused(trouble) => {
                whole = false;
                println!("{name}: {}\n  {}", trouble.sentence.zh, trouble.sentence.en);
            }
        }
    }
    Ok(code(whole))
}

fn code(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    }
}

fn status(place: &Place, as_json: bool) -> anyhow::Result<ExitCode> {
    let (folder, config) = place.read()?;
    let feeds = read_status(&folder, &config)?;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&feeds)?);
    } else if feeds.is_empty() {
        println!(
            "还没有任何情报源：在配置 intel.feeds 中列出，或把文件放进投放文件夹。\n\
             There is no feed yet: list some under intel.feeds, or put files into the drop folder."
        );
    }
    let fresh = feeds.iter().all(|feed| feed.state == FeedState::Fresh);
    if !as_json {
        feeds.iter().for_each(show);
    }
    Ok(code(fresh))
}

fn show(feed: &FeedStatus) {
    let state = match feed.state {
        FeedState::Fresh => "正常 fresh",
        FeedState::Late => "过期 late",
        FeedState::Shrunk => "缩水 shrunk",
        FeedState::Backwards => "倒退 backwards",
        FeedState::Failing => "失败 failing",
        FeedState::Never => "未到 never",
    };
    println!(
        "{:<16} {:<8} {state:<14} {} 条 records",
        feed.name,
        feed.format.name(),
        feed.records
    );
    println!("  {}\n  {}", feed.sentence.zh, feed.sentence.en);
    if feed.refused > 0 {
        println!("  拒绝 {} 处 / {} refused:", feed.refused, feed.refused);
        for one in feed.refusals.iter().take(5) {
            println!("    {one}");
        }
    }
}

fn accept(name: &str, place: &Place) -> anyhow::Result<ExitCode> {
    let (folder, config) = place.read()?;
    let held = |config: &FeedsConfig| -> anyhow::Result<bool> {
        let feeds = read_status(&folder, config)?;
        let Some(feed) = feeds.iter().find(|feed| feed.name == name) else {
            let known: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
            bail!(
                "no feed is called {name:?}; known are: {}",
                known.join(", ")
            );
        };
        Ok(feed.held.is_some())
    };
    match Feeds::open(&folder, config.clone()) {
        Ok(feeds) => {
            let records = feeds.accept(name)?;
            println!("{name}: 已采用 {records} 条 / {records} records taken");
        }
        Err(FeedsError::Busy { .. }) => {
            if !held(&config)? {
                bail!("{name}: nothing of it is held back");
            }
            ask(&folder, &Asked::Accept(name))?;
            let begun = Instant::now();
            while held(&config)? {
                if begun.elapsed() > PATIENCE {
                    bail!("the guard that is running has not taken it up: see its log");
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            println!("{name}: 运行中的守卫已采用 / taken by the guard that is running");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn bundle(command: BundleCommand) -> anyhow::Result<ExitCode> {
    match command {
        BundleCommand::Keygen { name } => {
            let signer = BundleSigner::generate()?;
            let (private, public) = (ending(&name, "key"), ending(&name, "pub"));
            if public.exists() {
                bail!("{}: there is such a file already", public.display());
            }
            let named = || private.display().to_string();
            signer.save(&private).with_context(named)?;
            std::fs::write(&public, format!("{}\n", signer.key().text()))
                .with_context(|| public.display().to_string())?;
            println!("{}\n{}", private.display(), public.display());
            println!("intel.bundle_keys: [\"{}\"]", signer.key().text());
        }
        BundleCommand::Make {
            place,
            feeds,
            key,
            serial,
            out,
        } => {
            let (folder, _) = place.read()?;
            let signer = BundleSigner::read(&key)?;
            let now = hudun_core::Timestamp::now().as_millis() / 1_000;
            let serial = serial.unwrap_or_else(|| u64::try_from(now).unwrap_or(1));
            let manifest = make_bundle(&folder, &feeds, &signer, serial, &out)?;
            tell(&manifest);
            println!("{}", out.display());
        }
        BundleCommand::Verify { file, keys, json } => {
            let keys = keys.iter().map(|text| BundleKey::read(text));
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            let manifest =
                verify_bundle(&file, &keys).with_context(|| file.display().to_string())?;
            if json {
                println!("{}", json!(manifest));
            } else {
                tell(&manifest);
                println!("签名与内容相符 / signature and content are in order");
            }
        }
        BundleCommand::Load {
            file,
            place,
            keys,
            allow_older,
        } => return load(&file, &place, keys, allow_older),
    }
    Ok(ExitCode::SUCCESS)
}

fn ending(name: &Path, ending: &str) -> PathBuf {
    let mut whole = name.as_os_str().to_owned();
    whole.push(".");
    whole.push(ending);
    whole.into()
}

fn tell(manifest: &Manifest) {
    println!("序号 serial {}, {}", manifest.serial, manifest.made);
    for feed in &manifest.feeds {
        let as_of = feed
            .as_of
            .map_or_else(|| "-".to_owned(), |at| at.to_string());
        println!(
            "  {:<16} {:<8} {as_of}  {} 条 records",
            feed.name,
            feed.format.name(),
            feed.records
        );
    }
}

fn load(
    file: &Path,
    place: &Place,
    keys: Vec<String>,
    allow_older: bool,
) -> anyhow::Result<ExitCode> {
    let (folder, mut config) = place.read()?;
    config.bundle_keys.extend(keys);
    if config.bundle_keys.is_empty() {
        bail!(
            "nobody is trusted to sign bundles: give --key, or list keys under intel.bundle_keys"
        );
    }
    let named = || file.display().to_string();
    let drop = match Feeds::open(&folder, config.clone()) {
        Ok(feeds) => {
            let loaded = feeds.load_bundle(file, allow_older).with_context(named)?;
            tell(&loaded.manifest);
            let mut whole = true;
            for (name, taken) in &loaded.feeds {
                match taken {
                    Taken::Accepted { records } => {
                        println!("{name}: 已采用 {records} 条 / {records} records taken");
                    }
                    Taken::Same => println!("{name}: 无变化 / nothing new"),
                    Taken::Refused(trouble) => {
                        whole = false;
                        println!("{name}: {}\n  {}", trouble.sentence.zh, trouble.sentence.en);
                    }
                }
            }
            return Ok(code(whole));
        }
        Err(FeedsError::Busy { drop, .. }) => drop,
        Err(error) => return Err(error.into()),
    };
    // A guard is running: what it would refuse is better told here and now.
    let keys = config.bundle_keys.iter().map(|text| BundleKey::read(text));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let manifest = verify_bundle(file, &keys).with_context(named)?;
    let name = format!("bundle-{}-{}.tar", manifest.serial, std::process::id());
    let unfinished = drop.join(format!("{name}.part"));
    std::fs::copy(file, &unfinished).with_context(|| unfinished.display().to_string())?;
    if allow_older {
        ask(&folder, &Asked::OlderBundle(&name))?;
    }
    std::fs::rename(&unfinished, drop.join(&name))?;
    let begun = Instant::now();
    loop {
        let reason = |of: &str| {
            std::fs::read_to_string(drop.join(of).join(format!("{name}.reason.txt")))
                .unwrap_or_default()
        };
        if drop.join("done").join(&name).exists() {
            tell(&manifest);
            let told = reason("done");
            print!("运行中的守卫已载入 / loaded by the guard that is running\n{told}");
            return Ok(code(told.is_empty()));
        }
        if drop.join("refused").join(&name).exists() {
            bail!(
                "the guard that is running refused it: {}",
                reason("refused").trim()
            );
        }
        // With `keep_done: 0` what was taken is removed: only its reasons are left, if there are any.
        if !drop.join(&name).exists()
            && !drop.join("done").join(&name).exists()
            && !drop.join("refused").join(&name).exists()
        {
            tell(&manifest);
            let told = reason("done");
            print!("运行中的守卫已载入 / loaded by the guard that is running\n{told}");
            return Ok(code(told.is_empty()));
        }
        if begun.elapsed() > PATIENCE {
            bail!(
                "{}: the guard that is running has not taken it up yet; it will be moved to done or refused",
                drop.join(&name).display()
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
