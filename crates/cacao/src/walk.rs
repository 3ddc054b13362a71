//! Control flow as pure functions: which steps come next.
//!
//! [`Walker`] answers for one position; [`Run`] keeps all positions of one execution and is a fold over
//! the outcomes, so that a journal of outcomes is all that an executor has to store.
//!
//! Branches (of if, switch, while and parallel) are sequences of their own that end at an `end` step;
//! then the step that opened them goes on. A step that failed without `on_failure` hands its failure to
//! the step that opened its branch, then to `workflow_exception`, then the run has failed. Nothing goes
//! on silently after a failure: `on_completion` alone is a way for success.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::condition::{Condition, ConditionError, reference};
use crate::model::{Playbook, Step, StepType, Variables};

/// Where one thread of control stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The step to be done.
    pub step: String,
    /// The branches that it is in, outermost first.
    pub frames: Vec<Frame>,
    /// For a while-condition: how many rounds are done.
    pub round: u32,
    /// Whether `workflow_exception` is being handled.
    pub exception: bool,
}

/// One branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The step that opened it.
    pub owner: String,
    /// Which of several.
    pub branch: u32,
    /// For a while-condition: which round, from 1.
    pub round: u32,
}

/// How a step went. Steps of control flow have nothing to do and succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
    /// Not done within `timeout`.
    TimedOut,
}

/// What follows from an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Do the step there.
    Go(Position),
    /// A branch of the parallel step at `owner` is through.
    Join {
        /// Where the parallel step stands.
        owner: Position,
        /// Which branch.
        branch: u32,
        /// Of how many.
        of: u32,
        /// Whether it failed.
        failed: bool,
    },
    /// Leave everything else and do the step there: `workflow_exception`.
    Exception(Position),
    /// The run is over.
    Done(Ending),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// At an end step.
    Completed,
    /// By a failure, after `workflow_exception` was carried through.
    Handled,
    /// By a failure that nothing handled.
    Failed,
}

/// Why there is no next step.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum WalkError {
    /// The playbook has no such step.
    #[error("the playbook has no step {0}")]
    NoStep(String),
    /// A field that the step needs is missing.
    #[error("step {step} has no {field}")]
    Missing {
        /// The step.
        step: String,
        /// The field.
        field: &'static str,
    },
    /// The condition can't be decided. Carry on with [`Outcome::Failed`].
    #[error("step {step}: {source}")]
    Condition {
        /// The step.
        step: String,
        /// Why.
        source: ConditionError,
    },
    /// A bound of execution is reached. Carry on with [`Outcome::Failed`].
    #[error("step {step}: more than {limit} {what}")]
    Bound {
        /// The step.
        step: String,
        /// What there was too much of.
        what: &'static str,
        /// The bound.
        limit: u32,
    },
    /// No such token.
    #[error("token {0} is not active")]
    NoToken(u64),
}

/// Control flow over one playbook.
#[derive(Clone, Copy, Debug)]
pub struct Walker<'p> {
    playbook: &'p Playbook,
}

impl<'p> Walker<'p> {
    /// Over a playbook, which should have passed [`crate::validate`].
    pub fn new(playbook: &'p Playbook) -> Self {
        Self { playbook }
    }

    /// Where a run begins.
    pub fn start(&self) -> Position {
        Position {
            step: self.playbook.workflow_start.clone(),
            frames: Vec::new(),
            round: 0,
            exception: false,
        }
    }

    /// The step at a position.
    pub fn step(&self, at: &Position) -> Result<&'p Step, WalkError> {
        self.get(&at.step)
    }

    /// What comes after the step at `at`.
    pub fn next(
        &self,
        at: &Position,
        outcome: Outcome,
        variables: &Variables,
    ) -> Result<Vec<Move>, WalkError> {
        let step = self.step(at)?;
        if outcome != Outcome::Succeeded {
            return self.failed(at);
        }
        let missing = |field| WalkError::Missing {
            step: at.step.clone(),
            field,
        };
        let undecided = |source| WalkError::Condition {
            step: at.step.clone(),
            source,
        };
        match step.type_ {
            StepType::Start | StepType::Action | StepType::PlaybookAction => self.succeeded(at),
            StepType::End => self.end_of_branch(at),
            StepType::IfCondition | StepType::WhileCondition => {
                let condition = step
                    .condition
                    .as_ref()
                    .ok_or_else(|| missing("condition"))?;
                let truth = Condition::parse(condition)
                    .and_then(|c| c.evaluate(variables))
                    .map_err(undecided)?;
                let repeats = step.type_ == StepType::WhileCondition;
                match (truth, &step.on_false) {
                    (true, _) if repeats && at.round >= MAX_ROUNDS => {
                        Err(bound(at, "rounds", MAX_ROUNDS))
                    }
                    (true, _) => {
                        let to = step.on_true.as_ref().ok_or_else(|| missing("on_true"))?;
                        Ok(vec![Move::Go(enter(at, to, 0)?)])
                    }
                    (false, Some(to)) if !repeats => Ok(vec![Move::Go(enter(at, to, 0)?)]),
                    (false, _) => self.succeeded(at),
                }
            }
            StepType::SwitchCondition => {
                let name = step
                    .switch
                    .as_deref()
                    .and_then(reference)
                    .ok_or_else(|| missing("switch"))?;
                let variable = variables
                    .get(name)
                    .ok_or_else(|| undecided(ConditionError::Undefined(name.into())))?;
                let value = variable
                    .value()
                    .ok_or_else(|| undecided(ConditionError::Unset(name.into())))?;
                let cases = step.cases.as_ref().ok_or_else(|| missing("cases"))?;
                match cases.get(value).or_else(|| cases.get("default")) {
                    Some(to) => Ok(vec![Move::Go(enter(at, to, 0)?)]),
                    None => self.succeeded(at),
                }
            }
            StepType::Parallel => {
                let branches = step
                    .next_steps
                    .as_ref()
                    .filter(|b| !b.is_empty())
                    .ok_or_else(|| missing("next_steps"))?;
                if branches.len() > MAX_ACTIVE as usize {
                    return Err(bound(at, "branches", MAX_ACTIVE));
                }
                (0..)
                    .zip(branches)
                    .map(|(n, to)| Ok(Move::Go(enter(at, to, n)?)))
                    .collect()
            }
        }
    }

    /// What comes after a parallel step whose branches are all through.
    pub fn joined(&self, owner: &Position, failed: bool) -> Result<Vec<Move>, WalkError> {
        if failed {
            self.failed(owner)
        } else {
            self.succeeded(owner)
        }
    }

    fn succeeded(&self, at: &Position) -> Result<Vec<Move>, WalkError> {
        let step = self.step(at)?;
        match step.on_completion.as_ref().or(step.on_success.as_ref()) {
            Some(to) => self.go(at, to),
            None => self.end_of_branch(at),
        }
    }

    fn failed(&self, at: &Position) -> Result<Vec<Move>, WalkError> {
        let mut at = at.clone();
        loop {
            if let Some(to) = &self.step(&at)?.on_failure {
                return self.go(&at, to);
            }
            let Some(frame) = at.frames.pop() else { break };
            at = owner(at, &frame);
            if self.step(&at)?.type_ == StepType::Parallel {
                return Ok(vec![self.join(at, &frame, true)?]);
            }
        }
        match &self.playbook.workflow_exception {
            Some(to) if !at.exception => {
                self.get(to)?;
                Ok(vec![Move::Exception(Position {
                    step: to.clone(),
                    frames: Vec::new(),
                    round: 0,
                    exception: true,
                })])
            }
            _ => Ok(vec![Move::Done(Ending::Failed)]),
        }
    }

    fn go(&self, at: &Position, to: &str) -> Result<Vec<Move>, WalkError> {
        let again = at.frames.last().is_some_and(|frame| frame.owner == to);
        if again && self.get(to)?.type_ == StepType::WhileCondition {
            // Some playbooks draw the way back to the while-condition; it means the end of the round.
            return self.end_of_branch(at);
        }
        self.get(to)?;
        Ok(vec![Move::Go(Position {
            step: to.to_owned(),
            round: 0,
            ..at.clone()
        })])
    }

    fn end_of_branch(&self, at: &Position) -> Result<Vec<Move>, WalkError> {
        let mut at = at.clone();
        let Some(frame) = at.frames.pop() else {
            return Ok(vec![Move::Done(if at.exception {
                Ending::Handled
            } else {
                Ending::Completed
            })]);
        };
        at = owner(at, &frame);
        match self.step(&at)?.type_ {
            StepType::Parallel => Ok(vec![self.join(at, &frame, false)?]),
            StepType::WhileCondition => Ok(vec![Move::Go(at)]),
            _ => self.succeeded(&at),
        }
    }

    fn join(&self, owner: Position, frame: &Frame, failed: bool) -> Result<Move, WalkError> {
        let of = self.step(&owner)?.next_steps.as_ref().map_or(0, Vec::len);
        Ok(Move::Join {
            owner,
            branch: frame.branch,
            of: u32::try_from(of).unwrap_or(MAX_ACTIVE),
            failed,
        })
    }

    fn get(&self, id: &str) -> Result<&'p Step, WalkError> {
        self.playbook
            .workflow
            .get(id)
            .ok_or_else(|| WalkError::NoStep(id.to_owned()))
    }
}

/// One execution: all positions that are active.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    active: BTreeMap<u64, Position>,
    joins: Vec<Pending>,
    next_token: u64,
    ending: Option<Ending>,
}

/// A parallel step that waits for its branches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    owner: Position,
    left: u32,
    failed: bool,
}

/// What an outcome changed in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Tokens whose steps are to be done now.
    pub started: Vec<u64>,
    /// Tokens that are given up because `workflow_exception` took over or the run ended.
    pub given_up: Vec<u64>,
    /// Set when the run is over.
    pub ended: Option<Ending>,
}

impl Run {
    /// A run at its beginning, with one token at the start step.
    pub fn begin(walker: &Walker<'_>) -> Self {
        Self {
            active: BTreeMap::from([(0, walker.start())]),
            next_token: 1,
            ..Self::default()
        }
    }

    /// What is to be done: each token with its position.
    pub fn active(&self) -> &BTreeMap<u64, Position> {
        &self.active
    }

    /// How the run ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Takes in the outcome of one token. On an error nothing has changed.
    pub fn advance(
        &mut self,
        walker: &Walker<'_>,
        token: u64,
        outcome: Outcome,
        variables: &Variables,
    ) -> Result<Change, WalkError> {
        let at = self.active.get(&token).ok_or(WalkError::NoToken(token))?;
        if self.next_token > u64::from(MAX_STEPS) {
            // Also a loop of failures ends: nothing may run for ever.
            let mut change = Change {
                ended: Some(Ending::Failed),
                ..Change::default()
            };
            self.active.remove(&token);
            self.give_up(&mut change);
            self.ending = change.ended;
            return Ok(change);
        }
        let mut moves = walker.next(at, outcome, variables)?;
        if self.active.len() + moves.len() > MAX_ACTIVE as usize {
            return Err(bound(at, "steps at once", MAX_ACTIVE));
        }
        let mut after = self.clone();
        after.active.remove(&token);
        let mut change = Change::default();
        while let Some(step) = moves.pop() {
            match step {
                Move::Go(position) => after.place(position, &mut change),
                Move::Join {
                    owner, of, failed, ..
                } => {
                    if let Some(failed) = after.branch_through(&owner, of, failed) {
                        moves.extend(walker.joined(&owner, failed)?);
                    }
                }
                Move::Exception(position) => {
                    after.give_up(&mut change);
                    after.place(position, &mut change);
                }
                Move::Done(ending) => {
                    after.give_up(&mut change);
                    after.ending = Some(ending);
                    change.ended = Some(ending);
                }
            }
        }
        *self = after;
        change.started.sort_unstable();
        Ok(change)
    }

    fn place(&mut self, position: Position, change: &mut Change) {
        change.started.push(self.next_token);
        self.active.insert(self.next_token, position);
        self.next_token += 1;
    }

    fn give_up(&mut self, change: &mut Change) {
        change
            .given_up
            .extend(std::mem::take(&mut self.active).into_keys());
        change.started.clear();
        self.joins.clear();
    }

    /// Counts a branch; when it was the last, says whether any failed.
    fn branch_through(&mut self, owner: &Position, of: u32, failed: bool) -> Option<bool> {
        let n = self
            .joins
            .iter()
            .position(|pending| pending.owner == *owner)
            .unwrap_or_else(|| {
                self.joins.push(Pending {
                    owner: owner.clone(),
                    left: of,
                    failed: false,
                });
                self.joins.len() - 1
            });
        let pending = &mut self.joins[n];
        pending.left = pending.left.saturating_sub(1);
        pending.failed |= failed;
        (pending.left == 0).then(|| self.joins.swap_remove(n).failed)
    }
}

/// Into a branch of the step at `at`.
fn enter(at: &Position, to: &str, branch: u32) -> Result<Position, WalkError> {
    if at.frames.len() >= MAX_DEPTH as usize {
        return Err(bound(at, "nested branches", MAX_DEPTH));
    }
    let mut frames = at.frames.clone();
    frames.push(Frame {
        owner: at.step.clone(),
        branch,
        round: at.round + 1,
    });
    Ok(Position {
        step: to.to_owned(),
        frames,
        round: 0,
        exception: at.exception,
    })
}

/// Back to the step that opened the branch which `at` has just left.
fn owner(at: Position, frame: &Frame) -> Position {
    Position {
        step: frame.owner.clone(),
        round: frame.round,
        ..at
    }
}

fn bound(at: &Position, what: &'static str, limit: u32) -> WalkError {
    WalkError::Bound {
        step: at.step.clone(),
        what,
        limit,
    }
}

const MAX_DEPTH: u32 = 64;
const MAX_ROUNDS: u32 = 10_000;
const MAX_ACTIVE: u32 = 1024;
const MAX_STEPS: u32 = 1_000_000;
