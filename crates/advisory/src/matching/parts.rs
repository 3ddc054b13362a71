//! Work on the pairs of vulnerability and component, on several threads where that pays, always with the same outcome.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::disk::IndexError;

/// Fewest pairs that are worth a thread's turn.
const TURN: usize = 256;
/// Most threads, however many the machine has.
const MOST_THREADS: usize = 8;

/// How many threads to take: `wanted`, or as many as the machine has.
pub(super) fn threads(wanted: usize) -> usize {
    let there = || std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = if wanted == 0 { there() } else { wanted };
    wanted.min(MOST_THREADS)
}

/// Does `work` for runs of pairs; the pairs of one vulnerability are in one run. What comes of it is in the order of the pairs,
/// whatever the threads did; of more than `most` the rest is counted.
pub(super) fn in_parts<T: Send>(
    pairs: &[(u32, u32)],
    threads: usize,
    most: usize,
    work: impl Fn(&[(u32, u32)]) -> Result<Vec<T>, IndexError> + Sync,
) -> Result<(Vec<T>, u64), IndexError> {
    let turn = (pairs.len() / (threads * 8).max(1)).max(TURN);
    let mut runs: Vec<&[(u32, u32)]> = Vec::new();
    let mut rest = pairs;
    while !rest.is_empty() {
        let mut end = turn.min(rest.len());
        let last = rest.get(end - 1).map(|(group, _)| *group);
        while rest.get(end).is_some_and(|(group, _)| Some(*group) == last) {
            end += 1;
        }
        let (run, more) = rest.split_at(end);
        runs.push(run);
        rest = more;
    }
    let mut found = Vec::new();
    let mut over = 0;
    let mut keep = |part: Vec<T>| {
        let room = most.saturating_sub(found.len());
        over += part.len().saturating_sub(room) as u64;
        found.extend(part.into_iter().take(room));
    };
    // All that the threads find lies in memory before it is cut, so where there may be more than is kept there is one thread.
    if threads < 2 || runs.len() < 2 || pairs.len() > most {
        for run in runs {
            keep(work(run)?);
        }
        return Ok((found, over));
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Vec<T>, IndexError>)>> = Mutex::new(Vec::new());
    let turns = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(run) = runs.get(at) else {
                return;
            };
            let part = work(run);
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, part));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(runs.len()) {
            // Without another thread the work is done all the same.
            if std::thread::Builder::new()
                .name("hudun-match".to_owned())
                .spawn_scoped(scope, turns)
                .is_err()
            {
                break;
            }
        }
        turns();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    for (_, part) in done {
        keep(part?);
    }
    Ok((found, over))
}

/// Puts things in order without a second copy of them: they are large.
pub(super) fn arrange<T>(things: &mut [T], order: &[u32]) {
    // To which place each thing goes.
    let mut goes: Vec<usize> = vec![0; order.len()];
    for (place, from) in order.iter().enumerate() {
        if let Some(to) = goes.get_mut(*from as usize) {
            *to = place;
        }
    }
    for at in 0..things.len().min(goes.len()) {
        while let Some(&to) = goes.get(at)
            && to != at
            && to < things.len()
        {
            things.swap(at, to);
            goes.swap(at, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_change_nothing() {
        let pairs: Vec<(u32, u32)> = (0..10_000).map(|at| (at / 7, at % 7)).collect();
        let work = |run: &[(u32, u32)]| {
            // A vulnerability is never cut in two.
            assert!(run.first().is_none_or(|(_, at)| *at == 0));
            Ok(run.to_vec())
        };
        for most in [0, 1, 9_999, 10_000, 20_000] {
            let one = in_parts(&pairs, 1, most, work).unwrap();
            for threads in [2, 3, 8] {
                assert_eq!(in_parts(&pairs, threads, most, work).unwrap(), one);
            }
            assert_eq!(one.0.len() + usize::try_from(one.1).unwrap(), 10_000);
        }
        assert_eq!(in_parts(&[], 2, 10, work).unwrap(), (Vec::new(), 0));
    }

    #[test]
    fn an_error_of_any_run_is_told() {
        let pairs: Vec<(u32, u32)> = (0..10_000).map(|at| (at, 0)).collect();
        let work = |run: &[(u32, u32)]| match run.iter().any(|(group, _)| *group == 9_000) {
            true => Err(IndexError::Checksum),
            false => Ok(vec![()]),
        };
        for threads in [1, 2] {
            assert!(matches!(
                in_parts(&pairs, threads, 20_000, work),
                Err(IndexError::Checksum)
            ));
        }
    }

    #[test]
    fn things_come_into_order() {
        let order = [3, 0, 4, 1, 2];
        let mut things = ["b", "d", "e", "a", "c"];
        arrange(&mut things, &order);
        assert_eq!(things, ["a", "b", "c", "d", "e"]);
    }
}
