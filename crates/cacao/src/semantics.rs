//! The semantic layer: references, reachability, conditions, values.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::condition::{Condition, is_name, reference, references_in};
use crate::model::{AgentTarget, Playbook, Step, StepType, Variable, Variables};
use crate::problem::{Fault, Problem};
use crate::structure::is_id;

pub(crate) fn check(playbook: &Playbook) -> Vec<Problem> {
    let mut check = Check {
        playbook,
        variables: BTreeSet::new(),
        problems: Vec::new(),
    };
    check.collect_variables();
    check.head();
    for (id, step) in &playbook.workflow {
        check.step(id, step);
    }
    check.graph();
    check.agents();
    check.problems
}

struct Check<'a> {
    playbook: &'a Playbook,
    /// Every variable that is defined somewhere, or comes out of a step.
    variables: BTreeSet<&'a str>,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn collect_variables(&mut self) {
        let steps = self.playbook.workflow.values();
        let of_steps = steps
            .clone()
            .filter_map(|step| step.step_variables.as_ref());
        for variables in self.playbook.playbook_variables.iter().chain(of_steps) {
            self.variables.extend(variables.keys().map(String::as_str));
        }
        let out = steps.flat_map(|step| step.out_args.iter().flatten());
        self.variables
            .extend(out.filter_map(|name| reference(name)));
    }

    fn head(&mut self) {
        let playbook = self.playbook;
        match playbook.workflow.get(&playbook.workflow_start) {
            None => self.add(
                "/workflow_start",
                Fault::NoStep(playbook.workflow_start.clone()),
            ),
            Some(step) if step.type_ != StepType::Start => {
                self.add("/workflow_start", Fault::NotStart)
            }
            Some(_) => {}
        }
        if let Some(id) = playbook
            .workflow_exception
            .as_ref()
            .filter(|id| !playbook.workflow.contains_key(*id))
        {
            self.add("/workflow_exception", Fault::NoStep(id.clone()));
        }
        if playbook.modified < playbook.created && playbook.modified.len() == playbook.created.len()
        {
            self.add("/modified", Fault::Before("created"));
        }
        if let (Some(from), Some(until)) = (&playbook.valid_from, &playbook.valid_until)
            && until < from
            && until.len() == from.len()
        {
            self.add("/valid_until", Fault::Before("valid_from"));
        }
        self.values("/playbook_variables", playbook.playbook_variables.as_ref());
        for (n, id) in playbook.markings.iter().flatten().enumerate() {
            if !playbook
                .data_marking_definitions
                .as_ref()
                .is_some_and(|known| known.contains_key(id))
            {
                self.add(format!("/markings/{n}"), Fault::NoMarking(id.clone()));
            }
        }
    }

    fn step(&mut self, id: &'a str, step: &'a Step) {
        let at = format!("/workflow/{id}");
        let type_ = type_name(step.type_);
        let key = id.rsplit_once("--").map_or(id, |(kind, _)| kind);
        if key != type_ {
            self.add(
                &at,
                Fault::OtherType {
                    key: key.to_owned(),
                    type_: type_.to_owned(),
                },
            );
        }
        for (field, to) in step.edges() {
            if !self.playbook.workflow.contains_key(to) {
                self.add(format!("{at}/{field}"), Fault::NoStep(to.to_owned()));
            }
        }
        if step.on_completion.is_some() && (step.on_success.is_some() || step.on_failure.is_some())
        {
            self.add(format!("{at}/on_completion"), Fault::CompletionAndMore);
        }
        let plain = matches!(
            step.type_,
            StepType::Start | StepType::Action | StepType::PlaybookAction
        );
        if plain && step.on_completion.is_none() && step.on_success.is_none() {
            self.add(&at, Fault::NoNext);
        }
        for (field, span) in [("delay", step.delay), ("timeout", step.timeout)] {
            if span.is_some_and(|span| span < 0) {
                self.add(format!("{at}/{field}"), Fault::Negative);
            }
        }
        if let Some(condition) = &step.condition {
            match Condition::parse(condition) {
                Ok(parsed) => {
                    let unknown: Vec<String> = parsed
                        .variables()
                        .into_iter()
                        .filter(|name| !self.variables.contains(*name))
                        .map(str::to_owned)
                        .collect();
                    unknown.into_iter().for_each(|name| {
                        self.add(format!("{at}/condition"), Fault::NoVariable(name))
                    });
                }
                Err(error) => self.add(format!("{at}/condition"), Fault::Condition(error)),
            }
        }
        if let Some(switch) = &step.switch {
            self.variable(format!("{at}/switch"), switch);
        }
        for (field, args) in [("in_args", &step.in_args), ("out_args", &step.out_args)] {
            for (n, name) in args.iter().flatten().enumerate() {
                self.variable(format!("{at}/{field}/{n}"), name);
            }
        }
        self.values(
            &format!("{at}/step_variables"),
            step.step_variables.as_ref(),
        );
        if let Some(agent) = &step.agent {
            let known = self
                .playbook
                .agent_definitions
                .as_ref()
                .is_some_and(|known| known.contains_key(agent));
            if !known {
                self.add(format!("{at}/agent"), Fault::NoAgent(agent.clone()));
            }
        }
        for (n, target) in step.targets.iter().flatten().enumerate() {
            let playbook = self.playbook;
            let known = [&playbook.target_definitions, &playbook.agent_definitions];
            if !known.iter().any(|known| {
                known
                    .as_ref()
                    .is_some_and(|known| known.contains_key(target))
            }) {
                self.add(format!("{at}/targets/{n}"), Fault::NoTarget(target.clone()));
            }
        }
        if step.playbook_id.as_ref() == Some(&self.playbook.id) {
            self.add(format!("{at}/playbook_id"), Fault::CallsItself);
        }
        for (n, command) in step.commands.iter().flatten().enumerate() {
            let at = format!("{at}/commands/{n}");
            let texts = [&command.command, &command.content];
            let encoded = [
                ("command_b64", &command.command_b64),
                ("content_b64", &command.content_b64),
            ];
            if texts.iter().all(|text| text.is_none())
                && encoded.iter().all(|(_, text)| text.is_none())
            {
                self.add(&at, Fault::EmptyCommand);
            }
            for (field, text) in encoded {
                if text
                    .as_ref()
                    .is_some_and(|text| STANDARD.decode(text).is_err())
                {
                    self.add(format!("{at}/{field}"), Fault::NotBase64);
                }
            }
            for text in texts.into_iter().flatten() {
                for name in references_in(text) {
                    if !self.variables.contains(name) {
                        self.add(&at, Fault::NoVariable(name.to_owned()));
                    }
                }
            }
        }
    }

    fn variable(&mut self, at: String, text: &str) {
        match reference(text) {
            None => self.add(at, Fault::NotVariable),
            Some(name) if !self.variables.contains(name) => {
                self.add(at, Fault::NoVariable(name.to_owned()))
            }
            Some(_) => {}
        }
    }

    fn values(&mut self, at: &str, variables: Option<&Variables>) {
        for (name, variable) in variables.into_iter().flatten() {
            if !fits(variable) && is_name(name) {
                self.add(
                    format!("{at}/{name}/value"),
                    Fault::NotOfType(variable.type_.clone()),
                );
            }
        }
    }

    /// Every step is reached, and from every step that is reached an end can be.
    fn graph(&mut self) {
        let workflow = &self.playbook.workflow;
        if !workflow.values().any(|step| step.type_ == StepType::End) {
            return self.add("/workflow", Fault::NoEnd);
        }
        let out = |id: &str| -> Vec<&'a str> {
            let edges = workflow.get(id).map(Step::edges).unwrap_or_default();
            edges
                .into_iter()
                .map(|(_, to)| to)
                .filter(|to| workflow.contains_key(*to))
                .collect()
        };
        let mut back: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for id in workflow.keys() {
            for to in out(id) {
                back.entry(to).or_default().push(id);
            }
        }
        let starts = [
            Some(&self.playbook.workflow_start),
            self.playbook.workflow_exception.as_ref(),
        ];
        let reached = flood(
            starts
                .into_iter()
                .flatten()
                .map(String::as_str)
                .filter(|id| workflow.contains_key(*id)),
            out,
        );
        let ends = workflow
            .iter()
            .filter(|(_, step)| step.type_ == StepType::End)
            .map(|(id, _)| &id[..]);
        let ending = flood(ends, |id| back.get(id).cloned().unwrap_or_default());
        let looping = loops(workflow, &out);
        for id in workflow.keys() {
            let at = format!("/workflow/{id}");
            if !reached.contains(&id[..]) {
                self.add(at, Fault::Unreached);
            } else if !ending.contains(&id[..]) {
                self.add(at, Fault::Endless);
            } else if looping.contains(&id[..]) {
                self.add(at, Fault::Loop);
            }
        }
    }

    fn agents(&mut self) {
        let playbook = self.playbook;
        let all = [
            ("agent_definitions", &playbook.agent_definitions),
            ("target_definitions", &playbook.target_definitions),
        ];
        for (field, agents) in all {
            for (id, agent) in agents.iter().flatten() {
                self.agent(&format!("/{field}/{id}"), agent);
            }
        }
    }

    fn agent(&mut self, at: &str, agent: &AgentTarget) {
        let emails = agent
            .contact
            .iter()
            .filter_map(|contact| contact.email.as_ref())
            .flatten();
        for (key, email) in emails {
            if !is_email(email) {
                self.add(format!("{at}/contact/email/{key}"), Fault::NotEmail);
            }
        }
        if let Some(id) = agent.authentication_info.as_ref().filter(|id| is_id(id)) {
            let known = self.playbook.authentication_info_definitions.as_ref();
            if !known.is_some_and(|known| known.contains_key(id)) {
                self.add(
                    format!("{at}/authentication_info"),
                    Fault::NoLogin(id.clone()),
                );
            }
        }
    }

    fn add(&mut self, path: impl Into<String>, fault: Fault) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem {
                path: path.into(),
                fault,
            });
        }
    }
}

fn flood<'a>(
    from: impl Iterator<Item = &'a str>,
    next: impl Fn(&str) -> Vec<&'a str>,
) -> BTreeSet<&'a str> {
    let mut queue: VecDeque<&str> = from.collect();
    let mut seen: BTreeSet<&str> = queue.iter().copied().collect();
    while let Some(id) = queue.pop_front() {
        queue.extend(next(id).into_iter().filter(|to| seen.insert(to)));
    }
    seen
}

/// Steps on a loop that goes through no while-condition: what is left when steps without a way in or
/// without a way out are taken away again and again.
fn loops<'a>(
    workflow: &'a BTreeMap<String, Step>,
    out: &impl Fn(&str) -> Vec<&'a str>,
) -> BTreeSet<&'a str> {
    let mut left: BTreeMap<&str, BTreeSet<&str>> = workflow
        .iter()
        .filter(|(_, step)| step.type_ != StepType::WhileCondition)
        .map(|(id, _)| (&id[..], out(id).into_iter().collect()))
        .collect();
    for turn in 0..2 {
        let mut ways: BTreeMap<&str, usize> = BTreeMap::new();
        let mut sources: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, to) in &left {
            for to in to.iter().filter(|to| left.contains_key(**to)) {
                let (from, to) = if turn == 0 { (*id, *to) } else { (*to, *id) };
                *ways.entry(to).or_default() += 1;
                sources.entry(from).or_default().push(to);
            }
        }
        let mut free: Vec<&str> = left
            .keys()
            .copied()
            .filter(|id| !ways.contains_key(id))
            .collect();
        while let Some(id) = free.pop() {
            left.remove(id);
            for to in sources.get(id).into_iter().flatten() {
                if let Some(count) = ways.get_mut(to) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(to);
                    }
                }
            }
        }
    }
    left.into_keys().collect()
}

/// Whether the value, if there is one, is of the variable's type. Unknown types have any value, and so
/// have references to other variables.
fn fits(variable: &Variable) -> bool {
    let Some(value) = variable.value() else {
        return true;
    };
    if value.is_empty() || references_in(value).len() == 1 {
        return true;
    }
    let hex = |length: Option<usize>| {
        length.is_none_or(|length| value.len() == length)
            && value.bytes().all(|b| b.is_ascii_hexdigit())
    };
    match &variable.type_[..] {
        "bool" => ["true", "false"].contains(&&value.to_ascii_lowercase()[..]),
        "integer" | "long" => value.parse::<i64>().is_ok(),
        "float" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "ipv4-addr" => within_net(value, 32, |ip| ip.parse::<Ipv4Addr>().is_ok()),
        "ipv6-addr" => within_net(value, 128, |ip| ip.parse::<Ipv6Addr>().is_ok()),
        "mac-addr" => {
            value.split([':', '-']).count() == 6
                && value
                    .split([':', '-'])
                    .all(|part| u8::from_str_radix(part, 16).is_ok())
        }
        "hexstring" | "hash" => hex(None),
        "md5-hash" => hex(Some(32)),
        "sha256-hash" => hex(Some(64)),
        "uuid" => is_id(&format!("uuid--{value}")),
        "dictionary" => serde_json::from_str::<serde_json::Map<_, _>>(value).is_ok(),
        _ => true,
    }
}

fn within_net(value: &str, most: u8, is_ip: impl Fn(&str) -> bool) -> bool {
    match value.split_once('/') {
        Some((ip, bits)) => is_ip(ip) && bits.parse::<u8>().is_ok_and(|bits| bits <= most),
        None => is_ip(value),
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .chars()
                .all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c))
    };
    text.len() <= 254
        && local.len() <= 64
        && local.split('.').all(atom)
        && domain.contains('.')
        && domain.split('.').all(label)
}

/// The type's name in JSON.
pub(crate) fn type_name(type_: StepType) -> &'static str {
    match type_ {
        StepType::Start => "start",
        StepType::End => "end",
        StepType::Action => "action",
        StepType::PlaybookAction => "playbook-action",
        StepType::Parallel => "parallel",
        StepType::IfCondition => "if-condition",
        StepType::WhileCondition => "while-condition",
        StepType::SwitchCondition => "switch-condition",
    }
}

const MAX_PROBLEMS: usize = 500;
