//! Literals that a text has to begin with, or to end with: a tree that is walked from that end and left at the first byte
//! that no literal has. An automaton would have to read the whole text for them.

use crate::atom::AtomId;

/// Literals at one end of a text, lowered, and the atoms that each makes true.
#[derive(Debug)]
pub(crate) struct Ends {
    /// The first byte's nodes, which are many: [`NONE`] where no literal goes on.
    first: Box<[u32; 256]>,
    nodes: Vec<Node>,
    /// Next bytes with their nodes; the range of a node is sorted.
    edges: Vec<(u8, u32)>,
    atoms: Vec<AtomId>,
}

#[derive(Debug)]
struct Node {
    edges: std::ops::Range<usize>,
    atoms: std::ops::Range<usize>,
}

impl Ends {
    /// `None` of no literal. Each literal is given as bytes in the order in which a text is walked.
    pub(crate) fn build(mut literals: Vec<(Vec<u8>, AtomId)>) -> Option<Self> {
        if literals.is_empty() {
            return None;
        }
        literals.sort_unstable();
        let mut made = Self {
            first: Box::new([NONE; 256]),
            nodes: Vec::new(),
            edges: Vec::new(),
            atoms: Vec::new(),
        };
        // Literals that share their first `depth` bytes, in the order of their nodes.
        let mut open = std::collections::VecDeque::from([(0..literals.len(), 0)]);
        let mut nodes = 1_u32;
        while let Some((range, depth)) = open.pop_front() {
            let (atoms, edges) = (made.atoms.len(), made.edges.len());
            let mut at = range.start;
            while at < range.end && literals[at].0.len() == depth {
                made.atoms.push(literals[at].1);
                at += 1;
            }
            while at < range.end {
                let byte = literals[at].0[depth];
                let length =
                    literals[at..range.end].partition_point(|(literal, _)| literal[depth] == byte);
                made.edges.push((byte, nodes));
                nodes += 1;
                open.push_back((at..at + length, depth + 1));
                at += length;
            }
            made.nodes.push(Node {
                edges: edges..made.edges.len(),
                atoms: atoms..made.atoms.len(),
            });
        }
        for &(byte, node) in &made.edges[made.nodes[0].edges.clone()] {
            made.first[usize::from(byte)] = node;
        }
        Some(made)
    }

    /// Hands over the atoms of every literal that `text` begins with; `text` in any ASCII case.
    pub(crate) fn walk(&self, text: impl Iterator<Item = u8>, mut seen: impl FnMut(AtomId)) {
        let mut text = text.map(|byte| byte.to_ascii_lowercase());
        let mut next = text
            .next()
            .map_or(NONE, |byte| self.first[usize::from(byte)]);
        while let Some(node) = self.nodes.get(next as usize) {
            for &atom in &self.atoms[node.atoms.clone()] {
                seen(atom);
            }
            let Some(byte) = text.next() else { return };
            let edges = &self.edges[node.edges.clone()];
            // Most have one edge, some have many.
            let at = match edges {
                [one] => (one.0 == byte).then_some(0),
                many => many.binary_search_by_key(&byte, |edge| edge.0).ok(),
            };
            next = at.map_or(NONE, |at| edges[at].1);
        }
    }
}

/// No node.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_literal_at_the_end_is_seen_and_no_other(
            literals in proptest::collection::vec("[ab-]{1,4}", 1..9),
            text in "[abAB-]{0,7}",
        ) {
            let number = |n: usize| AtomId::try_from(n).unwrap();
            let list = |reversed: bool| literals.iter().enumerate().map(|(n, literal)| {
                let mut bytes = literal.clone().into_bytes();
                if reversed {
                    bytes.reverse();
                }
                (bytes, number(n))
            }).collect();
            let mut starts = Vec::new();
            Ends::build(list(false)).unwrap().walk(text.bytes(), |atom| starts.push(atom));
            let mut ends = Vec::new();
            Ends::build(list(true)).unwrap().walk(text.bytes().rev(), |atom| ends.push(atom));
            starts.sort_unstable();
            ends.sort_unstable();
            let lowered = text.to_lowercase();
            let expected = |holds: &dyn Fn(&str) -> bool| -> Vec<AtomId> {
                (0..literals.len()).filter(|&n| holds(&literals[n])).map(number).collect()
            };
            prop_assert_eq!(starts, expected(&|literal| lowered.starts_with(literal)));
            prop_assert_eq!(ends, expected(&|literal| lowered.ends_with(literal)));
        }
    }
}
