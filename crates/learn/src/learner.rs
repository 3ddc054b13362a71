//! What has been seen so far.

use hudun_profile::RequestView;

use crate::answer;
use crate::call::calls;
use crate::names::{Segment, segment};
use crate::session::Sessions;
use crate::tree::Node;

/// Longest request body that is read, in bytes.
const LONGEST_BODY: usize = 1 << 20;
/// Longest answer that is read, in bytes.
pub(crate) const LONGEST_ANSWER: usize = 4 << 20;
/// Most segments of a path; what follows is one.
const DEEPEST: usize = 12;
/// Most functions that are told apart.
const MOST_ENDPOINTS: usize = 3_000;

/// One request with its answer, as far as they were recorded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path and query, as they came.
    pub target: &'a str,
    /// Headers of the request, names in small letters.
    pub headers: &'a [(String, String)],
    /// Body of the request.
    pub body: Option<&'a [u8]>,
    /// Status of the answer.
    pub status: u16,
    /// Headers of the answer, names in small letters.
    pub answer_headers: &'a [(String, String)],
    /// Body of the answer, or its beginning, decoded.
    pub answer: Option<&'a [u8]>,
}

/// What was looked at and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were looked at.
    pub samples: u64,
    /// Lines of a log, entries of a recording or requests that could not be read.
    pub unreadable: u64,
    /// Bodies that could not be read or were too long.
    pub bodies: u64,
    /// Findings beyond a bound.
    pub left_out: u64,
}

/// Looks at traffic and proposes a profile.
#[derive(Default)]
pub struct Learner {
    pub(crate) root: Node,
    pub(crate) sessions: Sessions,
    pub(crate) endpoints: usize,
    pub(crate) counts: Counts,
    /// JSON answers, those that speak of an error, and the values of `code`.
    pub(crate) telling: answer::Telling,
}

impl Learner {
    /// Looks at one request and its answer.
    pub fn see(&mut self, sample: &Sample<'_>) {
        let (path, query) = match sample.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (sample.target, None),
        };
        let Ok(mut view) = RequestView::new(sample.method, path, query, sample.headers.to_vec())
        else {
            self.counts.samples += 1;
            self.counts.unreadable += 1;
            return;
        };
        if let Some(body) = sample.body
            && (body.len() > LONGEST_BODY || view.read_body(body).is_err())
        {
            self.counts.bodies += 1;
        }
        self.look(&view, sample);
    }

    /// Looks at a request that has been read already, as the gateway's recent traffic holds it; without its answer the
    /// fields stay unknown.
    pub fn see_view(&mut self, view: &RequestView, status: u16) {
        let sample = Sample {
            method: &view.method,
            status,
            ..Sample::default()
        };
        self.look(view, &sample);
    }

    fn look(&mut self, view: &RequestView, sample: &Sample<'_>) {
        self.counts.samples += 1;
        let method_is_sound = (1..=16).contains(&sample.method.len())
            && sample.method.bytes().all(|byte| byte.is_ascii_uppercase());
        if !method_is_sound {
            self.counts.unreadable += 1;
            return;
        }
        let answer = answer::read(sample);
        if answer.unread {
            self.counts.bodies += 1;
        }
        self.telling.add(&answer);
        let segments = view.path.segments().iter();
        let mut path: Vec<Segment> = segments.map(|text| segment(text)).collect();
        if path.len() > DEEPEST {
            path.truncate(DEEPEST);
            path.push(Segment::Rest);
        }
        let calls = calls(view);
        let authenticated = self
            .sessions
            .look(view, &path, calls.first(), sample, &answer);
        let node = self.root.at(&path, &mut self.counts.left_out);
        for call in calls {
            let room = self.endpoints < MOST_ENDPOINTS;
            match node.endpoint(sample.method, call, room) {
                Some((endpoint, is_new)) => {
                    self.endpoints += usize::from(is_new);
                    endpoint.add(sample, &answer, authenticated);
                }
                None => self.counts.left_out += 1,
            }
        }
    }

    /// What was looked at and what was not.
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}
