//! The parts of the fact base.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::DataKind;
use crate::text::Text;

/// A count with its bounds. Laws are tested against `high`, `likely` is what people are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Proven at least.
    pub low: u64,
    /// Best estimate.
    pub likely: u64,
    /// Possible at most.
    pub high: u64,
}

impl Count {
    /// A count that is exactly known.
    pub fn exact(n: u64) -> Self {
        Self {
            low: n,
            likely: n,
            high: n,
        }
    }
}

/// What an organisation is with regard to the data and the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Decides on purpose and means: 个人信息处理者, GDPR controller.
    Controller,
    /// Processes for others: 受托人, GDPR processor.
    Processor,
    /// Makes or supplies a network product.
    Supplier,
    /// Operates a network in China: 网络运营者.
    NetworkOperator,
    /// Operator of critical information infrastructure.
    CiiOperator,
    /// Central Party or state organ, or a unit directly under one.
    StateOrgan,
    /// Provides security or operation services to others.
    SecurityVendor,
}

/// How to reach somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Person or post.
    #[serde(default)]
    pub name: String,
    /// Telephone.
    #[serde(default)]
    pub phone: String,
    /// E-mail.
    #[serde(default)]
    pub email: String,
    /// Postal address.
    #[serde(default)]
    pub address: String,
}

/// Class under the NIS2 directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nis2Class {
    /// Not in scope.
    None,
    /// Important entity.
    Important,
    /// Essential entity.
    Essential,
}

/// The organisation whose duties are asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Registered name.
    #[serde(default)]
    pub name: String,
    /// Unified social credit code (18 characters).
    #[serde(default)]
    pub uscc: String,
    /// Industry, in words.
    #[serde(default)]
    pub industry: Text,
    /// Province or equivalent of the seat.
    #[serde(default)]
    pub province: String,
    /// Countries where it is established, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countries: Option<BTreeSet<String>>,
    /// Roles with regard to the affected data and system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeSet<Role>>,
    /// Persons whose data it processes in all (not only in this incident).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pi_subject_count: Option<u64>,
    /// Who answers for the incident.
    #[serde(default)]
    pub responsible: Contact,
    /// Contact for persons and authorities.
    #[serde(default)]
    pub contact: Contact,
    /// Data protection officer, 个人信息保护负责人.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpo: Option<Contact>,
    /// Where a reader can check that a notice is genuine, as a path in the official app or site, not a link.
    #[serde(default)]
    pub verify_path: Text,
    /// Holds a telecom licence (增值电信业务).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telecom_licence: Option<bool>,
    /// Class under NIS2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nis2: Option<Nis2Class>,
    /// Issuer of securities registered in the United States.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub us_issuer: Option<bool>,
    /// Makes or supplies the guarded system itself, so that a hole in it is one of its own product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_product: Option<bool>,
    /// That product has digital elements and is on the EU market (not pure SaaS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eu_product: Option<bool>,
    /// Designated critical infrastructure in Hong Kong (Cap. 653) or Macau (13/2019): country codes.
    #[serde(default)]
    pub designated_ci: BTreeSet<String>,
    /// Group companies that share the system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<String>,
    /// Whose processor or supplier it is, or who is its own, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
}

/// A vendor's customer and its own numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// The tenant's identifier with the vendor.
    pub id: String,
    /// The tenant.
    pub organisation: Organisation,
    /// As `persons` of the fact base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons: Option<Count>,
    /// As `records` of the fact base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Count>,
    /// As `sensitive_persons` of the fact base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive_persons: Option<Count>,
    /// As `minors` of the fact base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minors: Option<Count>,
    /// As `kinds` of the fact base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeMap<DataKind, Count>>,
    /// As `places` of the fact base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<Place>>,
    /// What happened at this tenant, in words. Absent: the incident's, which then may hold no figure of all tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Text>,
    /// How this tenant's counts were made. Absent: as the incident's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// First and last moment at which this tenant's data left. Absent: the incident's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred: Option<Span>,
    /// Kinds of this tenant's data that were proven untouched. Absent: the incident's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds_not_involved: Option<BTreeSet<DataKind>>,
}

/// From one moment to another, both within.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
}

/// The system that the incident happened in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemInfo {
    /// Name of the system.
    #[serde(default)]
    pub name: String,
    /// What it is for, in words.
    #[serde(default)]
    pub purpose: Text,
    /// Where it runs.
    #[serde(default)]
    pub location: Text,
    /// Level under 等级保护, 1–5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlps_level: Option<u8>,
    /// Record number under 等级保护.
    #[serde(default)]
    pub mlps_record: String,
    /// ICP or licence number.
    #[serde(default)]
    pub icp: String,
    /// Effect on other connected systems.
    #[serde(default)]
    pub connected: Text,
}

/// Who received the data, as far as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// Exposed, no evidence that anybody took it.
    None,
    /// One recipient with a duty to the sender, who confirmed deletion or return.
    Trusted,
    /// A limited number of known recipients.
    Known,
    /// An unknown number, or the public.
    Unknown,
}

/// What became of the integrity of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Integrity {
    /// Unaltered, or the original was recovered before use.
    Kept,
    /// Altered, perhaps used wrongly, recoverable.
    Recoverable,
    /// Altered and not recoverable.
    Lost,
}

/// What became of the availability of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Available, or recovered without difficulty.
    Kept,
    /// Unavailable for a time.
    Temporary,
    /// Gone for good.
    Permanent,
}

/// What happened to personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breach {
    /// Personal data leaked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaked: Option<bool>,
    /// Personal data was altered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altered: Option<bool>,
    /// Personal data was lost or unavailable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<bool>,
    /// One of these may have happened and is not excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible: Option<bool>,
    /// Who received the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<Recipients>,
    /// State of integrity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Integrity>,
    /// State of availability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Availability>,
    /// Malicious intent: theft, hacking, sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malicious: Option<bool>,
    /// Unintelligible to whoever has it: encrypted or salted hashes, key safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unintelligible: Option<bool>,
    /// Measures effectively prevented harm before it arose (PIPL 57(2), GDPR 34(3)(b)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm_avoided: Option<bool>,
    /// Recovered or deleted with confirmation and clearly low risk (Korea, Decree).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<bool>,
    /// The data went only between parts of one organisation (Singapore).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_organisation: Option<bool>,
    /// Telling each person would take disproportionate effort (GDPR 34(3)(c)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub individual_notice_disproportionate: Option<bool>,
    /// An authority or investigator asked to wait with notices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law_enforcement_hold: Option<bool>,
}

/// Persons in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Country, ISO 3166-1 alpha-2.
    pub country: String,
    /// Province or state: for the United States the two-letter code, for China the name.
    #[serde(default)]
    pub region: String,
    /// Persons there.
    pub persons: Count,
}

/// How the counts were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// In words.
    #[serde(default)]
    pub text: Text,
    /// Share of the served bytes that the likely count explains, percent (0–100).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_percent: Option<f64>,
    /// Digest of the affected set: what a send list must match.
    #[serde(default)]
    pub affected_set_digest: String,
}

/// Records per class of the criminal-law counters (unit: 条).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrimeRecords {
    /// Movement, communication content, credit, property.
    pub strict: u64,
    /// Lodging, communication records, health, transactions.
    pub important: u64,
    /// Other personal data.
    pub other: u64,
}

/// The incident's type under GB/T 20986-2023, as far as this product tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// Malware or ransomware.
    Malware,
    /// Attack over the network: exploit, credential theft, injection.
    NetworkAttack,
    /// Data tampered, forged, leaked, stolen, lost.
    DataSecurity,
    /// Unlawful content.
    Content,
    /// Fault of equipment or facility.
    Fault,
    /// Rule-breaking or mistaken operation, insiders included.
    Misoperation,
    /// A hole that was found, not used.
    Hazard,
    /// Abnormal behaviour, not yet explained.
    Abnormal,
    /// Force majeure.
    ForceMajeure,
    /// Anything else.
    Other,
}

/// Cause, attacker, crime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CauseKind>,
    /// In words, fit for persons: no vulnerability detail.
    #[serde(default)]
    pub text: Text,
    /// Attack path in technical words, for regulators and police only.
    #[serde(default)]
    pub attack_path: Text,
    /// Clues to the attacker: addresses, accounts, networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attacker_clues: Vec<String>,
    /// Somebody from outside had unlawful access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_access: Option<bool>,
    /// A crime is suspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crime_suspected: Option<bool>,
    /// Regulators ordered a correction before and it was not obeyed (刑法 286之一).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_disobeyed: Option<bool>,
    /// Ransom demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ransom: Option<Ransom>,
}

/// A ransom demand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ransom {
    /// Amount with currency, in words.
    pub amount: String,
    /// How it is to be paid.
    pub method: String,
    /// The date, in words.
    pub date: String,
}

/// A vulnerability that was used or found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vulnerability {
    /// False says that no vulnerability is involved; an absent object says that it is not known.
    #[serde(default = "yes")]
    pub exists: bool,
    /// CVE, CNVD, CNNVD, CWE identifiers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// In a network product that the organisation itself supplies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_product: Option<bool>,
    /// The product has digital elements and is on the EU market (not pure SaaS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eu_product: Option<bool>,
    /// Exploited in the wild.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploited: Option<bool>,
    /// Published, with a patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclosed: Option<bool>,
    /// Touches national security or the public interest (条例 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub national_security: Option<bool>,
    /// Product name.
    #[serde(default)]
    pub product: String,
    /// Model.
    #[serde(default)]
    pub model: String,
    /// Version.
    #[serde(default)]
    pub version: String,
    /// Technical traits.
    #[serde(default)]
    pub traits: Text,
    /// Harm and range of effect.
    #[serde(default)]
    pub scope: Text,
    /// Endpoints or parameters, never for the public.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
}

fn yes() -> bool {
    true
}

/// A person's written conclusion on the risk to natural persons (GDPR 33/34).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// Unlikely to result in a risk.
    Unlikely,
    /// A risk.
    Risk,
    /// A high risk.
    High,
}

/// The conclusion, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskConclusion {
    /// The level.
    pub level: RiskLevel,
    /// The named person.
    pub by: String,
    /// The reason.
    pub reason: String,
}

/// How bad the general threat is, in the words of the CAC annex's catch-all row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threat {
    /// None of the below.
    None,
    /// 较严重.
    Considerable,
    /// 严重.
    Severe,
    /// 特别严重.
    Extreme,
}

/// Rank of a portal site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortalLevel {
    /// Prefecture level.
    Prefecture,
    /// Province level and above.
    Province,
}

/// Losses, outages, harm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// Direct economic loss, CNY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_loss_cny: Option<u64>,
    /// Outage of the affected system, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_minutes: Option<u64>,
    /// Outage of critical infrastructure as a whole, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cii_whole_outage_minutes: Option<u64>,
    /// Outage of a main function of critical infrastructure, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cii_main_outage_minutes: Option<u64>,
    /// Rank of an affected portal site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal_level: Option<PortalLevel>,
    /// Outage of that portal site, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal_outage_minutes: Option<u64>,
    /// Share of a province's population whose life services are affected, percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub province_population_percent: Option<u64>,
    /// Share of a prefecture's population whose life services are affected, percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefecture_population_percent: Option<u64>,
    /// Persons whose life services are affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life_services_persons: Option<u64>,
    /// Time that a tampered home page was visible, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tampered_home_minutes: Option<u64>,
    /// Time that another tampered page was visible, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tampered_page_minutes: Option<u64>,
    /// Reposts of unlawful content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tampered_reposts: Option<u64>,
    /// Views of unlawful content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tampered_views: Option<u64>,
    /// General threat, for the catch-all row of the CAC annex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threat: Option<Threat>,
    /// Important data (重要数据) affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub important_data: Option<bool>,
    /// Harm done to persons or organisations (条例 11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm_done: Option<bool>,
    /// Possible harm, in words.
    #[serde(default)]
    pub harm: Text,
    /// How it may go on, in words.
    #[serde(default)]
    pub trend: Text,
    /// Risk of damage to property by misuse (Japan).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property_damage_risk: Option<bool>,
    /// Significant harm to a person (Singapore, prescribed kinds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub significant_harm: Option<bool>,
    /// Significant incident in the sense of NIS2 23(3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nis2_significant: Option<bool>,
    /// Severe incident for the security of a product (CRA 14(5)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cra_severe: Option<bool>,
    /// Relevant risk or damage (Brazil, LGPD 48).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub br_relevant: Option<bool>,
    /// Material to investors (SEC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sec_material: Option<bool>,
    /// Written conclusion on risk to persons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskConclusion>,
}

/// The decision that starts most clocks: who concluded when that this is an incident, on what evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aware {
    /// When.
    pub at: Timestamp,
    /// The named person.
    pub by: String,
    /// The evidence, as a reference into the ledger or in words.
    pub evidence: String,
}

/// What happened when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// First act of the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_from: Option<Timestamp>,
    /// Last act of the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_to: Option<Timestamp>,
    /// First detection by a machine or a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected: Option<Timestamp>,
    /// The evidenced decision that this is an incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aware: Option<Aware>,
    /// Assessment completed: it is notifiable (Singapore).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessed: Option<Timestamp>,
    /// Containment verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contained: Option<Timestamp>,
    /// Handling ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled: Option<Timestamp>,
    /// A fix for the vulnerability was available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix_available: Option<Timestamp>,
    /// Materiality was determined (SEC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub materiality: Option<Timestamp>,
    /// The main notification (72 h) was handed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notified: Option<Timestamp>,
    /// Individuals were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub individuals_told: Option<Timestamp>,
}

/// What was done and what will be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measures {
    /// Done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Text>,
    /// What they brought about.
    #[serde(default)]
    pub effect: Text,
    /// Planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<Text>,
    /// What affected persons can do themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_help: Vec<Text>,
    /// Help asked of authorities.
    #[serde(default)]
    pub help_requested: Text,
    /// Who was held responsible, for the summary report.
    #[serde(default)]
    pub accountability: Text,
    /// Correction and improvement, for the summary report.
    #[serde(default)]
    pub improvement: Text,
    /// Lessons, for the summary report.
    #[serde(default)]
    pub lessons: Text,
    /// Authorities and police told so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorities_told: Vec<Text>,
    /// Why a deadline was missed, where one was.
    #[serde(default)]
    pub delay_reason: Text,
}

/// How the scene was preserved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// In words.
    #[serde(default)]
    pub text: Text,
    /// Digests of preserved logs and images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<String>,
    /// Police case number.
    #[serde(default)]
    pub police_case: String,
}

/// What is planned to leave the country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abroad {
    /// Detail of an undisclosed vulnerability is to go abroad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vulnerability_detail: Option<bool>,
    /// Evidence that holds personal data is to go abroad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<bool>,
    /// A foreign judicial or law-enforcement body asked for data (PIPL 41).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_authority_request: Option<bool>,
    /// Counsel released the transfer, whatever gate stops it; name and reference.
    #[serde(default)]
    pub counsel_release: String,
    /// Gates that counsel released one by one; name and reference by the gate's identifier.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counsel_releases: BTreeMap<String, String>,
}

/// A statement with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenClaim {
    /// Identifier of the claim pattern in the linter's data.
    pub claim: String,
    /// Evidence that carries it.
    pub evidence: String,
}

/// A person's own ENISA inputs; each that is absent is derived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnisaInputs {
    /// Data processing context, 1–4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpc: Option<u8>,
    /// Ease of identification in quarters, 1–4 (0.25–1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ei_quarters: Option<u8>,
    /// Confidentiality in quarters, 0–2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidentiality_quarters: Option<u8>,
    /// Integrity in quarters, 0–2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity_quarters: Option<u8>,
    /// Availability in quarters, 0–2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_quarters: Option<u8>,
    /// Malicious intent in quarters, 0 or 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malicious_quarters: Option<u8>,
    /// The named person.
    pub by: String,
    /// The reason.
    pub reason: String,
}
