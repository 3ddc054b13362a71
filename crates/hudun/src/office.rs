//! Everything that the desk works with, and the doors to what other parts of the program give it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hudun_analyze::Analyst;
use hudun_bus::PolicyBus;
use hudun_cacao::Playbook;
use hudun_console::{DeskError, Live, api};
use hudun_contain::Keeper;
use hudun_core::{
    AccountId, BoxFuture, ExchangeEvent, Finding, Incident, IncidentId, LossReason, NoticeId,
    Timestamp, Window,
};
use hudun_duty::Assessment;
use hudun_lake::Lake;
use hudun_policy::Recorded;
use hudun_respond::{Cases, Runner};
use hudun_store::Store;

use crate::bench::Bench;
use crate::care::Care;
use crate::catalogue::Acts;
use crate::intel::Intel;
use crate::ledger::LedgerService;
use crate::waf::Inspection;

/// Everything that the desk works with.
pub struct Office {
    /// State.
    pub store: Store,
    /// Cases.
    pub cases: Arc<Cases>,
    /// Playbook runs.
    pub runner: Arc<Runner>,
    /// Restrictions.
    pub keeper: Keeper,
    /// Policy.
    pub bus: Arc<PolicyBus>,
    /// The record.
    pub ledger: Arc<LedgerService>,
    /// Exchanges at rest.
    pub lake: Arc<Lake>,
    /// Scope and duties.
    pub analyst: Arc<Analyst>,
    /// Patches and proofs.
    pub bench: Arc<Bench>,
    /// The actions of the catalogue, which the desk can do by hand as well.
    pub acts: Arc<Acts>,
    /// The playbooks that can be started.
    pub playbooks: Arc<Playbooks>,
    /// What happens, for open pages.
    pub live: Live,
    /// What the gateway counts.
    pub meters: Arc<dyn Meters>,
    /// Requests a minute.
    pub activity: Arc<Activity>,
    /// Notices, when the stage is wired.
    pub informer: Option<Arc<dyn Informer>>,
    /// Retrospectives, when the stage is wired.
    pub historian: Option<Arc<dyn Historian>>,
    /// The inspection, when requests are inspected.
    pub inspection: Option<Arc<Inspection>>,
    /// Requests for help of affected persons.
    pub care: Arc<Care>,
    /// Feeds, assets and exposures.
    pub intel: Arc<Intel>,
    /// The demo, when this is one.
    pub demo: Option<Arc<dyn DemoControl>>,
    /// Duties by case, kept so that a page need not ask law again.
    pub assessed: Mutex<HashMap<IncidentId, (u32, Arc<Assessment>)>>,
}

/// Asks the gateways whether they would refuse the next request.
pub trait Probe: Send + Sync {
    /// Whether a request of this account, log-in included, would be refused now.
    fn refuses(&self, account: &AccountId) -> bool;
}

/// The last minutes of real traffic.
pub trait Recent: Send + Sync {
    /// The exchanges of a window, oldest first.
    fn snapshot(&self, window: Window) -> Vec<Arc<Recorded>>;
}

/// What the inline part counts about itself.
pub trait Meters: Send + Sync {
    /// Losses by reason since the start of the process, those that are not zero.
    fn losses(&self) -> Vec<(LossReason, u64)>;

    /// Bytes released since the start, and those of them that are explained.
    fn released(&self) -> (u64, u64);

    /// How the inline parts are: gateway, upstream, monitor.
    fn parts(&self) -> Vec<api::PartHealth>;
}

/// 通: drafts, approvals and sending.
pub trait Informer: Send + Sync {
    /// Drafts every notice that the duties ask for, or drafts them anew when the facts changed. Returns how many there
    /// are and whether something was drafted.
    fn draft<'a>(
        &'a self,
        incident: &'a Incident,
        by: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(usize, bool), DeskError>>;

    /// The notices of a case.
    fn notices(
        &self,
        incident: IncidentId,
    ) -> BoxFuture<'_, Result<Vec<api::NoticeView>, DeskError>>;

    /// A notice as its reader will get it.
    fn preview(&self, notice: NoticeId) -> BoxFuture<'_, Result<api::Preview, DeskError>>;

    /// Takes one role's approval of the text with this digest, and records it.
    fn approve<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        role: api::Role,
        sha256: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>>;

    /// Sends an approved notice, and records it.
    fn send<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>>;

    /// Takes one role's approval of several letters by their digests: of all or, when one can't be approved, of none.
    fn approve_letters<'a>(
        &'a self,
        by: &'a str,
        letters: &'a [(NoticeId, String)],
        role: api::Role,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>>;

    /// Sends the approved letters to tenants: how many are on their way, and how many a person has to hand over.
    fn send_letters<'a>(
        &'a self,
        by: &'a str,
        incident: IncidentId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(usize, usize), DeskError>>;

    /// Stops what has not left yet, and records it.
    fn stop<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        reason: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>>;

    /// Lets what was stopped go out after all, and records it.
    fn resume<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        reason: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>>;

    /// Records that a person handed a notice in, with the number of the receipt and a file (name and bytes) that proves
    /// it.
    fn hand_in<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        receipt: &'a str,
        proof: Option<(String, Vec<u8>)>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>>;

    /// A notice as a file to hand in, and records that it was made: `docx`, `pdf` or `json`.
    fn export<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        form: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<api::Download, DeskError>>;

    /// A proof of a hand-in, and records that it was opened.
    fn proof<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        sha256: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<api::Download, DeskError>>;

    /// Letters of which nobody can tell whether the mail server took them.
    fn open_letters(
        &self,
        notice: NoticeId,
    ) -> BoxFuture<'_, Result<Vec<api::OpenLetter>, DeskError>>;

    /// Decides on one of them, and records it.
    fn decide_letter<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        decision: api::LetterDecision,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>>;
}

/// 防: the retrospective.
pub trait Historian: Send + Sync {
    /// Writes the retrospective, or writes it anew. Returns whether it is new.
    fn write<'a>(
        &'a self,
        incident: &'a Incident,
        by: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, DeskError>>;

    /// The retrospective of a case, once written.
    fn retrospective(
        &self,
        incident: IncidentId,
    ) -> BoxFuture<'_, Result<Option<api::RetrospectiveView>, DeskError>>;
}

/// What only the demo can do.
pub trait DemoControl: Send + Sync {
    /// What the overview shows of it.
    fn view(&self) -> api::DemoView;

    /// Starts a drill.
    fn start_drill<'a>(
        &'a self,
        name: &'a str,
        by: &'a str,
    ) -> BoxFuture<'a, Result<api::DrillView, DeskError>>;

    /// Restarts the SCRM without its hole.
    fn restart_hardened<'a>(&'a self, by: &'a str) -> BoxFuture<'a, Result<(), DeskError>>;
}

/// The playbooks that can be started.
#[derive(Default)]
pub struct Playbooks {
    /// One run is started at a time, so that a case never gets two.
    pub(crate) starting: tokio::sync::Mutex<()>,
    known: Vec<(Vec<u8>, Playbook)>,
}

impl Playbooks {
    /// Reads playbooks.
    ///
    /// # Errors
    /// The first that can't be read, by its place in the list.
    pub fn read(texts: Vec<Vec<u8>>) -> Result<Self, hudun_cacao::ParseError> {
        let known = texts
            .into_iter()
            .map(|bytes| Playbook::parse(&bytes).map(|playbook| (bytes, playbook)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            starting: tokio::sync::Mutex::default(),
            known,
        })
    }

    /// One playbook by its CACAO id: its bytes and what they say.
    pub fn get(&self, id: &str) -> Option<(&[u8], &Playbook)> {
        self.known
            .iter()
            .find(|(_, playbook)| playbook.id == id)
            .map(|(bytes, playbook)| (bytes.as_slice(), playbook))
    }

    /// The playbook for a case that a finding opens: that of published vulnerabilities for one that is true of us, else the
    /// first.
    pub fn fitting(&self, finding: &Finding) -> Option<&str> {
        let of_exposures = |playbook: &Playbook| {
            let mut labels = playbook.labels.iter().flatten();
            labels.any(|label| label == "vulnerability")
        };
        let second = self.known.iter().find(|(_, one)| of_exposures(one));
        match second.filter(|_| finding.rule.starts_with("intel.")) {
            Some((_, playbook)) => Some(&playbook.id),
            None => self.first(),
        }
    }

    /// The playbook for a case that offers none by itself.
    pub fn first(&self) -> Option<&str> {
        self.known.first().map(|(_, playbook)| playbook.id.as_str())
    }
}

/// Requests a minute of the last day, fed by the gateway's events.
#[derive(Default)]
pub struct Activity {
    minutes: Mutex<VecDeque<Minute>>,
}

/// One minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Minutes since 1970.
    pub number: i64,
    /// Requests.
    pub exchanges: u64,
    /// Of these, refused.
    pub refused: u64,
    /// Records with personal data released.
    pub rows: u64,
    /// Findings.
    pub findings: u64,
}

impl Activity {
    /// Takes an event of the gateway in.
    pub fn note(&self, event: &ExchangeEvent) {
        match event {
            ExchangeEvent::Head(head) => self.add(head.at, |minute| minute.exchanges += 1),
            ExchangeEvent::Release(release) => self.add(release.at, |minute| {
                minute.rows += release.sightings.len() as u64;
            }),
            ExchangeEvent::End(end) if end.refusal.is_some() => {
                self.add(end.at, |minute| minute.refused += 1);
            }
            ExchangeEvent::End(_) => {}
        }
    }

    /// Takes a finding in.
    pub fn note_finding(&self, at: Timestamp) {
        self.add(at, |minute| minute.findings += 1);
    }

    /// Takes in what the lake knows of earlier minutes, once at the start.
    pub fn seed(&self, known: &[hudun_lake::Activity]) {
        for step in known {
            self.add(step.from, |minute| {
                minute.exchanges += step.exchanges;
                minute.refused += step.refused;
                minute.rows += step.subjects;
            });
        }
    }

    /// The minutes from this moment on, oldest first.
    pub fn since(&self, from: Timestamp) -> Vec<Minute> {
        let first = minute_of(from);
        self.lock()
            .iter()
            .filter(|minute| minute.number >= first)
            .copied()
            .collect()
    }

    fn add(&self, at: Timestamp, change: impl FnOnce(&mut Minute)) {
        let number = minute_of(at);
        let mut minutes = self.lock();
        let find = |minutes: &VecDeque<Minute>| {
            minutes.binary_search_by_key(&number, |minute| minute.number)
        };
        let mut found = find(&minutes);
        if found.is_err() && minutes.len() == MINUTES {
            if found == Err(0) {
                return;
            }
            minutes.pop_front();
            found = find(&minutes);
        }
        let place = found.unwrap_or_else(|place| {
            let fresh = Minute {
                number,
                ..Minute::default()
            };
            minutes.insert(place, fresh);
            place
        });
        if let Some(minute) = minutes.get_mut(place) {
            change(minute);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Minute>> {
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(60_000)
}

/// Minutes that are kept: one day.
const MINUTES: usize = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_stay_in_order_and_within_a_day() {
        let activity = Activity::default();
        for minute in (0..2_000).rev().chain(0..2_000) {
            activity.note_finding(Timestamp::from_millis(minute * 60_000));
        }
        let all = activity.since(Timestamp::from_millis(0));
        assert!(all.len() <= MINUTES);
        assert!(all.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert_eq!(all.last().map(|minute| minute.number), Some(1_999));
    }
}
