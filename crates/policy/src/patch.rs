//! Hot patches, compiled.

use hudun_core::{Patch, Place, PolicyError, Role, Timestamp};
use hudun_profile::{BodyView, Resolution, ResolvedRoute};
use serde_json::Value;

use crate::check::Test;
use crate::{RequestFacts, StripPlace};

#[derive(Debug)]
pub(crate) struct CompiledPatch {
    pub(crate) patch: Patch,
    conditions: Vec<(Place, Test)>,
}

impl CompiledPatch {
    pub(crate) fn new(patch: &Patch) -> Result<Self, PolicyError> {
        let conditions = patch
            .conditions
            .iter()
            .enumerate()
            .map(|(at, condition)| {
                let field = format!("conditions[{at}]");
                let test = Test::new(&condition.check, &patch.name, &field)?;
                Ok((condition.place.clone(), test))
            })
            .collect::<Result<_, PolicyError>>()?;
        Ok(Self {
            patch: patch.clone(),
            conditions,
        })
    }

    /// Whether the patch looks at this exchange.
    pub(crate) fn looks_at(
        &self,
        resolution: &Resolution,
        method: &str,
        role: Option<&Role>,
        now: Timestamp,
    ) -> bool {
        let scope = &self.patch.scope;
        self.patch.restriction.holds_at(now)
            && (scope.methods.is_empty() || scope.methods.iter().any(|known| known == method))
            && !role.is_some_and(|role| scope.except_roles.contains(role))
            && (scope.only_roles.is_empty()
                || role.is_none_or(|role| scope.only_roles.contains(role)))
            && resolution.routes.iter().any(|route| self.covers(route))
    }

    fn covers(&self, route: &ResolvedRoute) -> bool {
        let scope = &self.patch.scope;
        (scope.routes.is_empty() || scope.routes.contains(&route.id))
            && (scope.modules.is_empty() || scope.modules.contains(&route.module))
    }

    /// Whether a condition looks into the body.
    pub(crate) fn wants_body(&self) -> bool {
        self.conditions.iter().any(|(place, _)| in_body(place))
    }

    /// The first condition that fails, as the place to name in the reason.
    pub(crate) fn first_failure(&self, facts: &RequestFacts<'_>) -> Option<&Place> {
        self.conditions
            .iter()
            .find(|(place, test)| !holds(place, test, facts))
            .map(|(place, _)| place)
    }

    /// Places that fail and can be taken out of the request.
    pub(crate) fn strippable(&self, facts: &RequestFacts<'_>) -> Option<Vec<StripPlace>> {
        self.conditions
            .iter()
            .filter(|(place, test)| !holds(place, test, facts))
            .map(|(place, _)| match place {
                Place::Query(name) => Some(StripPlace::Query(name.clone())),
                Place::Form(name) => Some(StripPlace::Form(name.clone())),
                _ => None,
            })
            .collect()
    }
}

fn in_body(place: &Place) -> bool {
    matches!(place, Place::Form(_) | Place::Json(_) | Place::FileName(_))
}

fn holds(place: &Place, test: &Test, facts: &RequestFacts<'_>) -> bool {
    let view = facts.view;
    // A body that could not be read can't be judged, so a demand on it is not met.
    if in_body(place) && matches!(view.body, BodyView::Opaque | BodyView::Unread) {
        return false;
    }
    let texts = |values: &mut dyn Iterator<Item = &str>| -> bool {
        let mut any = false;
        for value in values {
            any = true;
            if !test.meets(value) {
                return false;
            }
        }
        any || !test.wants_presence()
    };
    match place {
        Place::Query(name) => texts(&mut view.query_values(name)),
        Place::Form(name) => texts(&mut view.form_values(name)),
        Place::Header(name) => texts(
            &mut view
                .headers
                .iter()
                .filter(|(given, _)| given.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str()),
        ),
        Place::Path(name) => texts(
            &mut facts
                .resolution
                .routes
                .iter()
                .flat_map(|route| &route.params)
                .filter(|(given, _)| given == name)
                .map(|(_, value)| value.as_str()),
        ),
        Place::FileName(field) => texts(
            &mut view
                .body
                .files()
                .iter()
                .filter(|file| field.is_empty() || file.field == *field)
                .map(|file| file.name.as_str()),
        ),
        Place::FullPath => texts(&mut std::iter::once(view.path.text().as_str())),
        Place::Json(pointer) => json_holds(view.body.json(), pointer, test),
    }
}

fn json_holds(body: Option<&Value>, pointer: &str, test: &Test) -> bool {
    // In a batch, every call must hold.
    let found: Vec<&Value> = match body {
        Some(Value::Array(calls)) => calls
            .iter()
            .filter_map(|call| call.pointer(pointer))
            .chain(body.and_then(|body| body.pointer(pointer)))
            .collect(),
        Some(other) => other.pointer(pointer).into_iter().collect(),
        None => Vec::new(),
    };
    let mut any = false;
    for value in found.into_iter().filter(|value| !value.is_null()) {
        any = true;
        if !value_meets(value, test, 0) {
            return false;
        }
    }
    any || !test.wants_presence()
}

fn value_meets(value: &Value, test: &Test, depth: usize) -> bool {
    match value {
        Value::String(text) => test.meets(text),
        Value::Number(number) => test.meets(&number.to_string()),
        Value::Bool(flag) => test.meets(if *flag { "true" } else { "false" }),
        Value::Null => true,
        Value::Array(_) | Value::Object(_) if !test.looks_inside() || depth > 64 => false,
        Value::Array(list) => {
            test.meets("") && list.iter().all(|inner| value_meets(inner, test, depth + 1))
        }
        Value::Object(map) => {
            test.meets("")
                && map
                    .iter()
                    .all(|(key, inner)| test.meets(key) && value_meets(inner, test, depth + 1))
        }
    }
}
