//! The configuration file of `hudun serve`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hudun_gateway::{RuleException, WafMode};
use hudun_intel::assets::AssetEntry;
use hudun_intel::feeds::FeedsConfig;
use hudun_lake::Retention;
use hudun_monitor::Thresholds;
use hudun_seclang::{AuditShape, Judging};
use serde::{Deserialize, Serialize};

/// Everything that one machine is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of everything that is kept.
    pub data: PathBuf,
    /// The inline gateway.
    pub gateway: GatewayPart,
    /// The console.
    #[serde(default)]
    pub console: ConsolePart,
    /// The public page for affected persons; none when absent.
    #[serde(default)]
    pub affected: Option<AffectedPart>,
    /// Where state is kept; a SQLite file in the data folder when absent. `postgres://…` at scale.
    #[serde(default)]
    pub store: Option<String>,
    /// Whom to wake.
    #[serde(default)]
    pub alerts: AlertPart,
    /// How long exchanges are kept.
    #[serde(default)]
    pub retention: RetentionPart,
    /// Mail.
    #[serde(default)]
    pub smtp: Option<SmtpPart>,
    /// Text messages.
    #[serde(default)]
    pub sms: Option<crate::sms::SmsPart>,
    /// CSV file with the addresses of customers (header such as `customer,email,phone`), read when an approved notice goes to
    /// affected persons.
    #[serde(default)]
    pub addresses: Option<PathBuf>,
    /// Numbers of the detections.
    #[serde(default)]
    pub monitor: Thresholds,
    /// Whether a playbook starts by itself when a case of grade high opens.
    #[serde(default)]
    pub auto: bool,
    /// The firms whose customers are guarded, by tenant.
    #[serde(default)]
    pub organisations: BTreeMap<String, serde_json::Value>,
    /// The vendor that runs the system for the firms above. When given, duties are assessed for the vendor and for each
    /// firm, and a case has a letter to each firm that it concerns.
    #[serde(default)]
    pub vendor: Option<serde_json::Value>,
    /// Who receives the vendor's letter at each firm, by tenant. A letter to a firm without one is handed over by a person.
    #[serde(default)]
    pub tenant_contacts: BTreeMap<String, TenantContactPart>,
    /// The guarded system as reports to authorities name it (see the reference of duties: `system`).
    #[serde(default)]
    pub system: Option<serde_json::Value>,
    /// Feeds of published vulnerabilities.
    #[serde(default)]
    pub intel: FeedsConfig,
    /// What we run, for matching with them; more can be entered in the console.
    #[serde(default)]
    pub assets: Vec<AssetEntry>,
    /// An account of the SCRM with which `verify repair` enters it directly.
    #[serde(default)]
    pub verifier: Option<VerifierPart>,
}

/// Who receives the vendor's letter at a firm.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantContactPart {
    /// Person or post.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// `zh-CN` (the default) or `en`: the language of the letter.
    #[serde(default)]
    pub language: hudun_duty::Lang,
}

/// The inline gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayPart {
    /// Address that customers and staff use.
    pub listen: SocketAddr,
    /// The SCRM.
    pub upstream: String,
    /// Where requests go when the SCRM is down or a module is on standby.
    #[serde(default)]
    pub standby: Option<String>,
    /// Certificates of the authorities that an `https` upstream is checked against (PEM); the public ones when absent.
    #[serde(default)]
    pub upstream_ca: Option<PathBuf>,
    /// The profile of the SCRM.
    pub profile: PathBuf,
    /// Tenant of a request that names none.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Certificate and key (PEM); reloaded when they change.
    #[serde(default)]
    pub tls: Option<TlsPart>,
    /// Minutes of traffic kept in memory to prove patches on.
    #[serde(default = "default_recent")]
    pub recent_minutes: u32,
    /// Inspection of requests by rules.
    #[serde(default)]
    pub inspection: InspectionPart,
}

/// Inspection of requests by rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InspectionPart {
    /// off, detect (recorded, passes) or block.
    pub mode: WafMode,
    /// Another mode for some modules of the profile.
    pub modules: BTreeMap<String, WafMode>,
    /// How the score of the rules becomes a decision: exact, balanced or strict.
    pub judging: JudgingPart,
    /// Folder of CRS (`hudun rules crs` fills it) or of other rules; Hudun's own when absent. Changes are noticed, proven
    /// and put in force without a restart.
    pub rules: Option<PathBuf>,
    /// CRS's paranoia level, 1 to 4.
    pub paranoia: Option<u8>,
    /// Score from which a request is stopped (CRS: 5).
    pub inbound_threshold: Option<u32>,
    /// Score from which an answer is stopped (CRS: 4).
    pub outbound_threshold: Option<u32>,
    /// Whether answers are inspected too. It costs time, and CRS holds an answer's front back for it.
    pub answers: bool,
    /// Rules that don't count in some places.
    pub exceptions: Vec<RuleException>,
    /// Whether it learns what parameters normally look like.
    pub learn: bool,
    /// Where the requests are told that the rules want told; nowhere when absent.
    pub audit: Option<AuditPart>,
}

impl Default for InspectionPart {
    fn default() -> Self {
        Self {
            mode: WafMode::default(),
            modules: BTreeMap::new(),
            judging: JudgingPart::default(),
            rules: None,
            paranoia: None,
            inbound_threshold: None,
            outbound_threshold: None,
            answers: false,
            exceptions: Vec::new(),
            learn: true,
            audit: None,
        }
    }
}

/// The audit log of the inspection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPart {
    /// The file; at 64 MiB it is put aside as `.1`.
    pub file: PathBuf,
    /// modsecurity or coraza.
    #[serde(default)]
    pub format: AuditShape,
    /// Whether values of parameters, headers and bodies are told. They are personal data in plain text.
    #[serde(default)]
    pub values: bool,
}

/// How the score of the rules becomes a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JudgingPart {
    /// The rules decide alone.
    Exact,
    /// A value must also be a valid piece of what a rule takes it for.
    #[default]
    Balanced,
    /// As balanced, and weaker evidence counts too.
    Strict,
}

impl From<JudgingPart> for Judging {
    fn from(part: JudgingPart) -> Self {
        match part {
            JudgingPart::Exact => Self::Exact,
            JudgingPart::Balanced => Self::Balanced,
            JudgingPart::Strict => Self::Strict,
        }
    }
}

/// Certificate and key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsPart {
    /// Certificate chain, PEM.
    pub cert: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

/// The console.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsolePart {
    /// Its address.
    pub listen: SocketAddr,
    /// Whether every account needs an authenticator.
    pub second_step: bool,
    /// Whether the cookie is for https only. Turn it off only on loopback.
    pub secure_cookie: bool,
}

impl Default for ConsolePart {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8090)),
            second_step: true,
            secure_cookie: true,
        }
    }
}

/// The public page on which persons ask whether their data was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AffectedPart {
    /// Its address, apart from the SCRM's and the console's.
    pub listen: SocketAddr,
    /// The page as the public knows it, such as `https://notice.example.com`; the mail with the code names it.
    #[serde(default)]
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed: without it, everybody behind one counts as one network.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Where the part that is hosted apart stands (`hudun affected build`), such as `https://notice.example.com`.
    #[serde(default)]
    pub hosted_at: Option<String>,
}

impl AffectedPart {
    fn check(&self, config: &Config) -> Result<(), String> {
        for (field, taken) in [
            ("gateway", config.gateway.listen),
            ("console", config.console.listen),
        ] {
            // Port 0 takes a free one.
            if self.listen == taken && taken.port() != 0 {
                return Err(format!(
                    "affected.listen: {} is the address of {field}.listen already",
                    self.listen
                ));
            }
        }
        let is_page = |url: &String| {
            let rest = url
                .strip_prefix("https://")
                .or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
        };
        if self.public_url.as_ref().is_some_and(|url| !is_page(url)) {
            return Err(
                "affected.public_url: does not begin with https:// (or http://)".to_owned(),
            );
        }
        if let Some(host) = &self.hosted_at {
            hudun_affected::origin(host).map_err(|cause| format!("affected.hosted_at: {cause}"))?;
        }
        hudun_affected::TrustedProxies::parse(&self.trusted_proxies)
            .map_err(|cause| format!("affected.trusted_proxies: {cause}"))?;
        if config.smtp.is_none() {
            return Err("affected: needs the smtp section, by which codes are sent".to_owned());
        }
        Ok(())
    }
}

/// How long exchanges are kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionPart {
    /// Days; six months (183) at least, by the Cybersecurity Law of the PRC, art. 23.
    pub days: u32,
    /// States that fewer days are meant.
    pub below_legal_minimum: bool,
}

impl Default for RetentionPart {
    fn default() -> Self {
        let kept = Retention::default();
        Self {
            days: kept.days,
            below_legal_minimum: kept.below_legal_minimum,
        }
    }
}

impl From<RetentionPart> for Retention {
    fn from(part: RetentionPart) -> Self {
        Self {
            days: part.days,
            below_legal_minimum: part.below_legal_minimum,
        }
    }
}

/// Whom to wake.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertPart {
    /// Webhooks, each signed with its secret.
    pub webhooks: Vec<WebhookPart>,
    /// Mail addresses.
    pub mail: Vec<String>,
}

/// One webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookPart {
    /// Where to post, `https://` or, inside the firm's own network, `http://`.
    pub url: String,
    /// Certificates of the authorities that it is checked against (PEM); the public ones when absent.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// File with the secret of the signature.
    pub secret_file: PathBuf,
}

/// The mail server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpPart {
    /// Its name.
    pub host: String,
    /// Its port.
    #[serde(default = "default_smtp_port")]
    pub port: u16,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: SmtpTls,
    /// Sender.
    pub from: String,
    /// Account.
    #[serde(default)]
    pub user: Option<String>,
    /// File with its password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Where mail that comes back later is found.
    #[serde(default)]
    pub bounces: Option<crate::bounces::BouncesPart>,
}

/// How mail connections are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpTls {
    /// STARTTLS, required.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// None; for a relay on the same machine only.
    None,
}

/// An account of the SCRM for verification.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifierPart {
    /// The account; of a role that may see only its own rows.
    pub account: String,
    /// File with its password.
    pub password_file: PathBuf,
}

fn default_tenant() -> String {
    "default".to_owned()
}

const fn default_recent() -> u32 {
    15
}

const fn default_smtp_port() -> u16 {
    587
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] naming file, line and field.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|cause| ConfigError {
            file: file.to_owned(),
            problem: cause.to_string(),
        })?;
        let config: Self = serde_saphyr::from_str(&text).map_err(|cause| ConfigError {
            file: file.to_owned(),
            problem: cause.to_string(),
        })?;
        config.check().map_err(|problem| ConfigError {
            file: file.to_owned(),
            problem,
        })?;
        Ok(config)
    }

    /// What types can't say.
    fn check(&self) -> Result<(), String> {
        if self.gateway.listen == self.console.listen {
            return Err(format!(
                "console.listen: {} is the gateway's address already",
                self.console.listen
            ));
        }
        if !self.gateway.upstream.starts_with("http://")
            && !self.gateway.upstream.starts_with("https://")
        {
            return Err(format!(
                "gateway.upstream: {:?} does not begin with http:// or https://",
                self.gateway.upstream
            ));
        }
        for (at, webhook) in self.alerts.webhooks.iter().enumerate() {
            if !webhook.url.starts_with("http://") && !webhook.url.starts_with("https://") {
                return Err(format!(
                    "alerts.webhooks[{at}].url: {:?} does not begin with http:// or https://",
                    webhook.url
                ));
            }
        }
        Retention::from(self.retention)
            .check()
            .map_err(|cause| format!("retention.days: {cause}"))?;
        for module in self.gateway.inspection.modules.keys() {
            module
                .parse::<hudun_core::ModuleId>()
                .map_err(|cause| format!("gateway.inspection.modules.{module}: {cause}"))?;
        }
        self.gateway
            .tenant
            .parse::<hudun_core::TenantId>()
            .map_err(|cause| format!("gateway.tenant: {cause}"))?;
        if !self.console.secure_cookie && !self.console.listen.ip().is_loopback() {
            return Err("console.secure_cookie: may be false only when console.listen is a loopback address".to_owned());
        }
        if let Some(affected) = &self.affected {
            affected.check(self)?;
        }
        if let Some(sms) = &self.sms {
            sms.check(self)?;
        }
        if self.addresses.is_some() && self.smtp.is_none() && self.sms.is_none() {
            return Err("addresses: needs the smtp section, or sms".to_owned());
        }
        if !self.alerts.mail.is_empty() && self.smtp.is_none() {
            return Err("alerts.mail: needs the smtp section".to_owned());
        }
        Ok(())
    }
}

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .file.display())]
pub struct ConfigError {
    file: PathBuf,
    problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "data: ./data\ngateway:\n  listen: 127.0.0.1:8080\n  upstream: http://127.0.0.1:8069\n  profile: p.yaml\n";

    fn read(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hudun.yaml");
        std::fs::write(&file, text).unwrap();
        Config::read(&file)
    }

    #[test]
    fn a_small_file_is_enough() {
        assert_eq!(read(GOOD).unwrap().console.listen.port(), 8090);
    }

    #[test]
    fn an_error_names_file_line_and_field() {
        let error = read(&GOOD.replace("upstream", "upstraem"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("hudun.yaml") && error.contains("upstraem") && error.contains('4'),
            "{error}"
        );
        let error = read(&GOOD.replace("http://", "ftp://"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("gateway.upstream"), "{error}");
        let error = read(&format!("{GOOD}alerts:\n  mail: [a@b.c]\n"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("alerts.mail"), "{error}");
        let error = read(&format!("{GOOD}addresses: a.csv\n"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("addresses: needs"), "{error}");
        let smtp = "smtp: { host: mail.example.com, from: hudun@example.com }\n";
        for (part, smtp, problem) in [
            ("listen: 127.0.0.1:8092", "", "affected: needs the smtp"),
            ("listen: 127.0.0.1:8080", smtp, "affected.listen"),
            ("listen: 127.0.0.1:8090", smtp, "affected.listen"),
            (
                "listen: 127.0.0.1:8092, public_url: x",
                smtp,
                "affected.public_url",
            ),
            (
                "listen: 127.0.0.1:8092, trusted_proxies: [x]",
                smtp,
                "affected.trusted_proxies",
            ),
        ] {
            let error = read(&format!("{GOOD}affected: {{ {part} }}\n{smtp}"))
                .unwrap_err()
                .to_string();
            assert!(error.contains(problem), "{error}");
        }
        let good = read(&format!(
            "{GOOD}affected: {{ listen: 127.0.0.1:8092 }}\n{smtp}"
        ));
        assert!(good.unwrap().affected.is_some());
    }
}
