//! What parameters normally look like, route by route: learned from ordinary exchanges, asked for each request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hudun_core::RouteId;
use hudun_seclang::{Lesson, Parameters, Usual};

/// What is known of each route's parameters. Routes are those of the profile, so there are no more than it has.
#[derive(Debug, Default)]
pub struct Usuals(RwLock<HashMap<RouteId, Arc<Mutex<Known>>>>);

#[derive(Debug, Default)]
struct Known {
    parameters: Parameters,
    expected: Arc<Usual>,
    /// Whether it has changed since it was last written down.
    touched: bool,
}

impl Usuals {
    /// What is expected on a route.
    pub(crate) fn expected(&self, route: &RouteId) -> Option<Arc<Usual>> {
        let known = self.known(route)?;
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&known.expected))
    }

    /// Learns from an exchange that was ordinary and went well.
    pub(crate) fn learn(&self, route: &RouteId, lesson: &Lesson) {
        if lesson.is_empty() {
            return;
        }
        self.of(route, |known| {
            if known.parameters.learn(lesson) {
                known.expected = known.parameters.usual();
            }
            known.touched = true;
        });
    }

    /// Changes what is known of a route; what is expected follows at once.
    pub fn change<R>(&self, route: &RouteId, change: impl FnOnce(&mut Parameters) -> R) -> R {
        self.of(route, |known| {
            let done = change(&mut known.parameters);
            known.expected = known.parameters.usual();
            known.touched = true;
            done
        })
    }

    /// Everything that is known, by route.
    pub fn all(&self) -> Vec<(RouteId, Parameters)> {
        self.pick(|_| true)
    }

    /// What has changed since the last call, to be written down.
    pub fn touched(&self) -> Vec<(RouteId, Parameters)> {
        self.pick(|known| std::mem::take(&mut known.touched))
    }

    fn pick(&self, wanted: impl Fn(&mut Known) -> bool) -> Vec<(RouteId, Parameters)> {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut picked: Vec<(RouteId, Parameters)> = routes
            .iter()
            .filter_map(|(route, known)| {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                wanted(&mut known).then(|| (route.clone(), known.parameters.clone()))
            })
            .collect();
        picked.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        picked
    }

    fn known(&self, route: &RouteId) -> Option<Arc<Mutex<Known>>> {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        routes.get(route).cloned()
    }

    fn of<R>(&self, route: &RouteId, act: impl FnOnce(&mut Known) -> R) -> R {
        let known = self.known(route).unwrap_or_else(|| {
            let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(routes.entry(route.clone()).or_default())
        });
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut known)
    }
}
