//! What templates may name: the facts in one language, and what the assessment says about them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::assess::{Assessment, PhaseResult, Verdict};
use crate::facts::{Contact, Count, DataKind, FactBase, Ransom};
use crate::rule::RecipientKind;
use crate::text::{Lang, Text, figure};

/// The names in [`Context`] that [`View::for_kinds`] decides: all that differs from reader to reader.
pub(super) const KINDS: &str = "kinds";
pub(super) const NOT_INVOLVED: &str = "not_involved";

#[derive(Serialize)]
pub(super) struct Context {
    incident: IncidentView,
    org: OrgView,
    system: SystemView,
    persons: CountView,
    records: CountView,
    sensitive_persons: CountView,
    minors: CountView,
    kinds: Vec<KindView>,
    not_involved: Vec<String>,
    places: Vec<PlaceView>,
    method: String,
    coverage: String,
    times: TimesView,
    cause: CauseView,
    vulnerability: VulnerabilityView,
    impact: ImpactView,
    measures: MeasuresView,
    scene: SceneView,
    grade: GradeView,
    types: Vec<String>,
    enisa: String,
    risk: String,
    crime: CrimeView,
    duties: Vec<DutyView>,
    recipient: RecipientView,
    rules_unverified: bool,
    today: String,
}

#[derive(Serialize)]
struct IncidentView {
    id: String,
    title: String,
    summary: String,
    drill: bool,
}

#[derive(Serialize)]
struct OrgView {
    name: String,
    uscc: String,
    industry: String,
    province: String,
    verify_path: String,
    responsible: Contact,
    contact: Contact,
    dpo: Contact,
    chain: Vec<String>,
    tenants: usize,
}

#[derive(Serialize)]
struct SystemView {
    name: String,
    purpose: String,
    location: String,
    mlps: String,
    mlps_record: String,
    icp: String,
    connected: String,
}

#[derive(Serialize, Default)]
struct CountView {
    known: bool,
    low: String,
    likely: String,
    high: String,
}

#[derive(Serialize)]
pub(super) struct KindView {
    label: String,
    count: String,
    sensitive: bool,
}

#[derive(Serialize)]
struct PlaceView {
    name: String,
    count: String,
}

#[derive(Serialize)]
struct TimesView {
    occurred_from: String,
    occurred_to: String,
    detected: String,
    aware: String,
    aware_by: String,
    aware_evidence: String,
    contained: String,
    handled: String,
}

#[derive(Serialize)]
struct CauseView {
    text: String,
    path: String,
    clues: Vec<String>,
    ransom: Option<Ransom>,
}

#[derive(Serialize, Default)]
struct VulnerabilityView {
    exists: bool,
    ids: Vec<String>,
    product: String,
    model: String,
    version: String,
    traits: String,
    scope: String,
    endpoints: Vec<String>,
}

#[derive(Serialize)]
struct ImpactView {
    harm: String,
    trend: String,
    loss_cny: String,
    outage_minutes: String,
}

#[derive(Serialize)]
struct MeasuresView {
    taken: Vec<String>,
    effect: String,
    planned: Vec<String>,
    self_help: Vec<String>,
    help_requested: String,
    accountability: String,
    improvement: String,
    lessons: String,
    authorities_told: Vec<String>,
    delay_reason: String,
}

#[derive(Serialize)]
struct SceneView {
    text: String,
    hashes: Vec<String>,
    police_case: String,
}

#[derive(Serialize)]
struct GradeView {
    name: String,
    rows: Vec<String>,
}

#[derive(Serialize)]
struct CrimeView {
    strict: String,
    important: String,
    other: String,
    formula: String,
    estimated: bool,
}

#[derive(Serialize)]
struct DutyView {
    title: String,
    to: String,
    deadline: String,
    law: String,
}

/// The customer firm that a vendor's letter goes to, with the duties that the law gives to it.
#[derive(Serialize, Default)]
struct RecipientView {
    name: String,
    duties: Vec<DutyView>,
    unverified: bool,
}

pub(super) struct View<'a> {
    pub(super) facts: &'a FactBase,
    pub(super) assessment: &'a Assessment,
    /// The duties of the one tenant that a letter goes to.
    pub(super) recipient: Option<Assessment>,
    pub(super) lang: Lang,
    pub(super) zone: TimeZone,
    pub(super) for_kinds: Option<&'a BTreeSet<DataKind>>,
    pub(super) dated: Timestamp,
}

impl View<'_> {
    pub(super) fn context(&self) -> Context {
        let f = self.facts;
        let t = |x: &Text| x.get(self.lang).trim().to_owned();
        let list = |xs: &[Text]| {
            xs.iter()
                .map(t)
                .filter(|s| !s.is_empty())
                .collect::<Vec<_>>()
        };
        let o = &f.organisation;
        let a = self.assessment;
        let vulnerability = f.vulnerability.as_ref().filter(|v| v.exists).map_or_else(
            VulnerabilityView::default,
            |v| VulnerabilityView {
                exists: true,
                ids: v.ids.clone(),
                product: v.product.clone(),
                model: v.model.clone(),
                version: v.version.clone(),
                traits: t(&v.traits),
                scope: t(&v.scope),
                endpoints: v.endpoints.clone(),
            },
        );
        let crime = &a.severity.crime;
        let records = |i: usize| {
            crime
                .rows
                .get(i)
                .map(|r| figure(r.records))
                .unwrap_or_default()
        };
        Context {
            incident: IncidentView {
                id: f.incident.id.clone(),
                title: t(&f.incident.title),
                summary: t(&f.incident.summary),
                drill: f.incident.drill,
            },
            org: OrgView {
                name: o.name.clone(),
                uscc: o.uscc.clone(),
                industry: t(&o.industry),
                province: o.province.clone(),
                verify_path: t(&o.verify_path),
                responsible: o.responsible.clone(),
                contact: o.contact.clone(),
                dpo: o.dpo.clone().unwrap_or_default(),
                chain: o.chain.clone(),
                tenants: f.tenants.len(),
            },
            system: SystemView {
                name: f.system.name.clone(),
                purpose: t(&f.system.purpose),
                location: t(&f.system.location),
                mlps: f
                    .system
                    .mlps_level
                    .map(|l| l.to_string())
                    .unwrap_or_default(),
                mlps_record: f.system.mlps_record.clone(),
                icp: f.system.icp.clone(),
                connected: t(&f.system.connected),
            },
            persons: count(f.persons),
            records: count(f.records),
            sensitive_persons: count(f.sensitive_persons),
            minors: count(f.minors.filter(|m| m.high > 0)),
            kinds: self.kinds(),
            not_involved: self.not_involved(),
            places: self.places(),
            method: t(&f.method.text),
            coverage: f
                .method
                .coverage_percent
                .map(|c| format!("{c}%"))
                .unwrap_or_default(),
            times: TimesView {
                occurred_from: self.time(f.times.occurred_from),
                occurred_to: self.time(f.times.occurred_to),
                detected: self.time(f.times.detected),
                aware: self.time(f.times.aware.as_ref().map(|a| a.at)),
                aware_by: f
                    .times
                    .aware
                    .as_ref()
                    .map(|a| a.by.clone())
                    .unwrap_or_default(),
                aware_evidence: f
                    .times
                    .aware
                    .as_ref()
                    .map(|a| a.evidence.clone())
                    .unwrap_or_default(),
                contained: self.time(f.times.contained),
                handled: self.time(f.times.handled),
            },
            cause: CauseView {
                text: t(&f.cause.text),
                path: t(&f.cause.attack_path),
                clues: f.cause.attacker_clues.clone(),
                ransom: f.cause.ransom.clone(),
            },
            vulnerability,
            impact: ImpactView {
                harm: t(&f.impact.harm),
                trend: t(&f.impact.trend),
                loss_cny: f.impact.direct_loss_cny.map(figure).unwrap_or_default(),
                outage_minutes: f.impact.outage_minutes.map(figure).unwrap_or_default(),
            },
            measures: MeasuresView {
                taken: list(&f.measures.taken),
                effect: t(&f.measures.effect),
                planned: list(&f.measures.planned),
                self_help: list(&f.measures.self_help),
                help_requested: t(&f.measures.help_requested),
                accountability: t(&f.measures.accountability),
                improvement: t(&f.measures.improvement),
                lessons: t(&f.measures.lessons),
                authorities_told: list(&f.measures.authorities_told),
                delay_reason: t(&f.measures.delay_reason),
            },
            scene: SceneView {
                text: t(&f.scene.text),
                hashes: f.scene.hashes.clone(),
                police_case: f.scene.police_case.clone(),
            },
            grade: GradeView {
                name: t(&a.severity.cac.name),
                rows: a
                    .severity
                    .cac
                    .rows
                    .iter()
                    .filter_map(|r| {
                        let shown = r.shown.as_ref()?;
                        Some(match self.lang {
                            Lang::Zh => format!("{}：{}", r.title.zh, shown.zh),
                            Lang::En => format!("{}: {}", r.title.en, shown.en),
                        })
                    })
                    .collect(),
            },
            types: a
                .severity
                .types
                .iter()
                .map(|c| format!("{}（{}）", t(&c.title), c.code))
                .collect(),
            enisa: a
                .severity
                .enisa
                .as_ref()
                .map(|e| format!("{} ({})", e.formula, t(&e.band.name())))
                .unwrap_or_default(),
            risk: t(&a.severity.risk.name()),
            crime: CrimeView {
                strict: records(0),
                important: records(1),
                other: records(2),
                formula: crime.formula.clone(),
                estimated: crime.estimated,
            },
            duties: self.duties_of(a, |_| true),
            recipient: self.recipient(),
            rules_unverified: a.applying().any(|d| d.unverified),
            today: self.date(self.dated),
        }
    }

    fn kinds(&self) -> Vec<KindView> {
        let all = self.facts.kinds.iter().flatten();
        all.filter(|(k, _)| self.for_kinds.is_none_or(|mine| mine.contains(k)))
            .map(|(k, c)| self.kind(*k, *c))
            .collect()
    }

    pub(super) fn kind(&self, kind: DataKind, count: Count) -> KindView {
        KindView {
            label: kind.label().get(self.lang).to_owned(),
            count: figure(count.high),
            sensitive: kind.is_sensitive(),
        }
    }

    /// Kinds proven untouched; for one group of persons also the kinds of others.
    fn not_involved(&self) -> Vec<String> {
        let mut out = self.facts.kinds_not_involved.clone();
        if let Some(mine) = self.for_kinds {
            out.extend(
                self.facts
                    .kinds
                    .iter()
                    .flatten()
                    .map(|(k, _)| *k)
                    .filter(|k| !mine.contains(k)),
            );
        }
        out.into_iter()
            .map(|k| k.label().get(self.lang).to_owned())
            .collect()
    }

    fn places(&self) -> Vec<PlaceView> {
        let places = self.facts.places.iter().flatten();
        places
            .map(|p| PlaceView {
                name: if p.region.is_empty() {
                    p.country.clone()
                } else {
                    format!("{} {}", p.country, p.region)
                },
                count: figure(p.persons.high),
            })
            .collect()
    }

    fn recipient(&self) -> RecipientView {
        let Some(own) = &self.recipient else {
            return RecipientView::default();
        };
        // What a firm owes to itself, such as keeping a register, is no news that this letter brings.
        let outward = |p: &PhaseResult| p.to.iter().any(|to| to.who != RecipientKind::Internal);
        RecipientView {
            name: own.organisation.clone(),
            duties: self.duties_of(own, outward),
            unverified: own.applying().any(|d| d.unverified),
        }
    }

    fn duties_of(
        &self,
        assessment: &Assessment,
        wanted: impl Fn(&PhaseResult) -> bool,
    ) -> Vec<DutyView> {
        let mut out = vec![];
        for d in assessment.applying() {
            let phases = d.phases.iter().filter(|p| p.verdict == Verdict::Applies);
            for p in phases.filter(|p| wanted(p)) {
                let to = p.to.iter().map(|r| match self.lang {
                    Lang::Zh => r.zh.clone(),
                    Lang::En => r.en.clone(),
                });
                let law = match self.lang {
                    Lang::Zh => &d.source.zh,
                    Lang::En => &d.source.en,
                };
                out.push(DutyView {
                    title: d.title.get(self.lang).to_owned(),
                    to: to.collect::<Vec<_>>().join(if self.lang == Lang::Zh {
                        "、"
                    } else {
                        ", "
                    }),
                    deadline: match p.clock.deadline_at {
                        Some(at) => self.time(Some(at)),
                        None => p.clock.text.get(self.lang).to_owned(),
                    },
                    law: format!("{law} {}", d.source.article),
                });
            }
        }
        out
    }

    pub(super) fn time(&self, at: Option<Timestamp>) -> String {
        let Some(at) = at else { return String::new() };
        let z = at.to_zoned_datetime(self.zone.clone());
        match self.lang {
            Lang::Zh => z.strftime("%Y年%-m月%-d日 %H:%M").to_string(),
            Lang::En => z.strftime("%-d %B %Y, %H:%M (UTC%:z)").to_string(),
        }
    }

    fn date(&self, at: Timestamp) -> String {
        let z = at.to_zoned_datetime(self.zone.clone());
        match self.lang {
            Lang::Zh => z.strftime("%Y年%-m月%-d日").to_string(),
            Lang::En => z.strftime("%-d %B %Y").to_string(),
        }
    }
}

fn count(c: Option<Count>) -> CountView {
    c.map_or_else(CountView::default, |c| CountView {
        known: true,
        low: figure(c.low),
        likely: figure(c.likely),
        high: figure(c.high),
    })
}
