//! Rules of the inspection: where they come from, how they are set, how they are proven.

mod exceptions;
mod force;
mod ftw;
mod inspection;
mod install;
mod prove;
mod source;

use std::path::{Path, PathBuf};

use hudun_seclang::{Judging, LoadError, RuleSet};
use serde::{Deserialize, Serialize};

pub use exceptions::{ExceptionError, KeptException, Preview};
pub use force::{check, watch};
pub use ftw::{FtwReport, Suite, Through, in_process, through_gateway};
pub use inspection::Inspection;
pub use install::{Installed, install_crs};
pub use prove::{Proof, prove};
pub use source::RuleSource;
use source::Step;

/// Hudun's own rules, which protect where nothing else is installed.
const OWN: [(&str, &str); 4] = [
    (
        "rules/waf/00-engine.conf",
        include_str!("../../../../rules/waf/00-engine.conf"),
    ),
    (
        "rules/waf/10-protocol.conf",
        include_str!("../../../../rules/waf/10-protocol.conf"),
    ),
    (
        "rules/waf/20-injection.conf",
        include_str!("../../../../rules/waf/20-injection.conf"),
    ),
    (
        "rules/waf/30-files.conf",
        include_str!("../../../../rules/waf/30-files.conf"),
    ),
];

/// What a site sets before CRS: the recommended configuration of ModSecurity.
pub const ENGINE: &str = include_str!("engine.conf");

/// How rules are loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleOptions {
    /// Folder of the rules; Hudun's own when absent. A folder with `rules/` in it is taken for CRS.
    pub rules: Option<PathBuf>,
    /// CRS's blocking paranoia level, 1 to 4; what `crs-setup.conf` says when absent.
    pub paranoia: Option<u8>,
    /// Anomaly score from which a request is stopped (CRS: 5).
    pub inbound_threshold: Option<u32>,
    /// Anomaly score from which an answer is stopped (CRS: 4).
    pub outbound_threshold: Option<u32>,
    /// Directives of the site, after everything else.
    pub extra: Vec<String>,
}

/// Loads what the options say.
///
/// # Errors
/// [`RulesError`] naming file, line and what to do.
pub fn load(options: &RuleOptions) -> Result<RuleSet, RulesError> {
    load_after(options, "")
}

/// The same with directives before the rules; conformance tests need it.
///
/// # Errors
/// [`RulesError`] naming file, line and what to do.
pub fn load_after(options: &RuleOptions, before: &str) -> Result<RuleSet, RulesError> {
    let (rules, _) = RuleSource::read(steps(options, before)?)?;
    Ok(rules)
}

/// Loads what the options say and keeps what it was made from.
///
/// # Errors
/// [`RulesError`] naming file, line and what to do.
pub fn read(options: &RuleOptions) -> Result<(RuleSet, RuleSource), RulesError> {
    Ok(RuleSource::read(steps(options, "")?)?)
}

fn steps(options: &RuleOptions, before: &str) -> Result<Vec<Step>, RulesError> {
    if let Some(level) = options.paranoia
        && !(1..=4).contains(&level)
    {
        return Err(RulesError::Paranoia(level));
    }
    let text = |name: &str, text: &str| Step::Text(name.to_owned(), text.to_owned());
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let settings = settings(options);
    let mut steps = Vec::new();
    match &options.rules {
        None => steps.extend(OWN.map(|(name, rules)| text(name, rules))),
        Some(folder) if !folder.is_dir() => return Err(RulesError::Folder(folder.clone())),
        Some(folder) => {
            let inner = folder.join("rules");
            if inner.is_dir() {
                let setup = [
                    folder.join("crs-setup.conf"),
                    folder.join("crs-setup.conf.example"),
                ];
                steps.push(text("engine.conf", ENGINE));
                steps.push(text("before.conf", before));
                if let Some(setup) = setup.iter().find(|file| file.is_file()) {
                    steps.push(Step::File(path(setup)));
                }
                steps.push(text("options.conf", &settings));
                steps.push(Step::Glob(path(&inner.join("*.conf"))));
            } else {
                steps.push(text("options.conf", &format!("{before}{settings}")));
                steps.push(Step::Glob(path(&folder.join("*.conf"))));
            }
        }
    }
    if !options.extra.is_empty() {
        steps.push(text("site.conf", &options.extra.join("\n")));
    }
    Ok(steps)
}

/// CRS's settings, set before its own defaults.
fn settings(options: &RuleOptions) -> String {
    let mut sets = Vec::new();
    if let Some(level) = options.paranoia {
        sets.push(format!("setvar:tx.blocking_paranoia_level={level}"));
        sets.push(format!("setvar:tx.detection_paranoia_level={level}"));
    }
    if let Some(score) = options.inbound_threshold {
        sets.push(format!("setvar:tx.inbound_anomaly_score_threshold={score}"));
    }
    if let Some(score) = options.outbound_threshold {
        sets.push(format!(
            "setvar:tx.outbound_anomaly_score_threshold={score}"
        ));
    }
    if sets.is_empty() {
        return String::new();
    }
    format!(
        "SecAction \"id:1000000,phase:1,pass,nolog,t:none,{}\"\n",
        sets.join(",")
    )
}

/// The mode's name on the command line and in files.
pub fn judging(name: &str) -> Option<Judging> {
    [Judging::Exact, Judging::Balanced, Judging::Strict]
        .into_iter()
        .find(|one| judging_name(*one) == name)
}

/// The name of a way of judging.
pub const fn judging_name(judging: Judging) -> &'static str {
    match judging {
        Judging::Exact => "exact",
        Judging::Balanced => "balanced",
        Judging::Strict => "strict",
    }
}

/// Rules that can't be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A fault in a rule file.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A folder that is none.
    #[error("{}: no folder with rules; give the folder that holds crs-setup.conf and rules/, or *.conf files", .0.display())]
    Folder(PathBuf),
    /// A level that CRS doesn't have.
    #[error("paranoia {0}: CRS has the levels 1 to 4")]
    Paranoia(u8),
}
