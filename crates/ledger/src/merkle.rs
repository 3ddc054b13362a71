//! The Merkle tree of RFC 6962 section 2.1 (RFC 9162 sections 2.1.1 to 2.1.4) over SHA-256.
//!
//! [`Tree`] keeps every complete subtree, 64 bytes for each leaf, so that a root and a proof for any
//! earlier size cost O(log n) hashes.

use sha2::{Digest, Sha256};

/// A SHA-256 digest: the id of an entry, or the head of a tree.
pub type Hash = [u8; 32];

/// A Merkle tree that only grows (and can be taken back to an earlier size).
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// `levels[k][i]` is the head of the complete subtree over leaves `i << k .. (i + 1) << k`.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one leaf hash (see [`leaf_hash`]) at the end.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut level = 0;
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            if row.len() % 2 == 1 {
                return;
            }
            hash = node_hash(&row[row.len() - 2], &row[row.len() - 1]);
            level += 1;
        }
    }

    /// Forgets every leaf from `size` on. A size that is not smaller changes nothing.
    pub fn truncate(&mut self, size: u64) {
        for (level, row) in self.levels.iter_mut().enumerate() {
            row.truncate(usize::try_from(size >> level).unwrap_or(usize::MAX));
        }
        while self.levels.last().is_some_and(Vec::is_empty) {
            self.levels.pop();
        }
    }

    /// How many leaves there are.
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |row| row.len() as u64)
    }

    /// Whether there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The leaf hash at `index`.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.levels
            .first()?
            .get(usize::try_from(index).ok()?)
            .copied()
    }

    /// The head of the whole tree.
    pub fn root(&self) -> Hash {
        self.root_at(self.len()).unwrap_or_else(empty_root)
    }

    /// The head that the tree had at `size`; `None` beyond the present size.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        match size {
            0 => Some(empty_root()),
            n if n <= self.len() => self.subtree(0, n),
            _ => None,
        }
    }

    /// The inclusion proof of leaf `index` in the tree of `size` (RFC 9162 section 2.1.3.1).
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        if index >= size || size > self.len() {
            return None;
        }
        let (mut start, mut width, mut index) = (0, size, index);
        let mut path = Vec::new();
        while width > 1 {
            let left = split(width);
            if index < left {
                path.push(self.subtree(start + left, width - left)?);
                width = left;
            } else {
                path.push(self.subtree(start, left)?);
                start += left;
                index -= left;
                width -= left;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The proof that the tree of size `first` is a prefix of the tree of size `second`
    /// (RFC 9162 section 2.1.4.1). Empty when `first` is 0 or equals `second`.
    pub fn consistency(&self, first: u64, second: u64) -> Option<Vec<Hash>> {
        if first > second || second > self.len() {
            return None;
        }
        if first == 0 {
            return Some(Vec::new());
        }
        let (mut start, mut width, mut rest, mut whole) = (0, second, first, true);
        let mut path = Vec::new();
        while rest != width {
            let left = split(width);
            if rest <= left {
                path.push(self.subtree(start + left, width - left)?);
                width = left;
            } else {
                path.push(self.subtree(start, left)?);
                start += left;
                rest -= left;
                width -= left;
                whole = false;
            }
        }
        if !whole {
            path.push(self.subtree(start, width)?);
        }
        path.reverse();
        Some(path)
    }

    /// The head over `width` leaves from `start`; `start` is a multiple of the power of two at or
    /// above `width`'s largest complete part, as every caller above ensures.
    fn subtree(&self, start: u64, width: u64) -> Option<Hash> {
        if width.is_power_of_two() {
            let level = width.trailing_zeros();
            let row = self.levels.get(usize::try_from(level).ok()?)?;
            return row.get(usize::try_from(start >> level).ok()?).copied();
        }
        let left = split(width);
        Some(node_hash(
            &self.subtree(start, left)?,
            &self.subtree(start + left, width - left)?,
        ))
    }
}

/// Whether `path` proves that `leaf` is number `index` in the tree of `size` with head `root`.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `path` proves that the tree of `first` leaves with head `first_root` is a prefix of the
/// tree of `second` leaves with head `second_root`.
pub fn verify_consistency(
    first: u64,
    second: u64,
    path: &[Hash],
    first_root: &Hash,
    second_root: &Hash,
) -> bool {
    if first > second {
        return false;
    }
    if first == second {
        return path.is_empty() && first_root == second_root;
    }
    if first == 0 {
        return path.is_empty() && *first_root == empty_root();
    }
    let (seed, rest) = if first.is_power_of_two() {
        (first_root, path)
    } else {
        let Some((seed, rest)) = path.split_first() else {
            return false;
        };
        (seed, rest)
    };
    let shift = (first - 1).trailing_ones();
    let (mut node, mut last) = ((first - 1) >> shift, (second - 1) >> shift);
    let (mut old, mut new) = (*seed, *seed);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == *first_root && new == *second_root
}

/// SHA-256 over `0x00 || data`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(data)
        .finalize()
        .into()
}

/// SHA-256 over `0x01 || left || right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The head of the tree with no leaf: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The largest power of two below `width`, for `width` of 2 or more.
fn split(width: u64) -> u64 {
    1 << (63 - (width - 1).leading_zeros())
}

/// The most hashes that a proof in a tree of 2^64 leaves can have.
pub(crate) const MAX_PATH: usize = 65;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The eight leaves that the Certificate Transparency reference tests use.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    /// Their heads for sizes 1 to 8.
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn reference_tree() -> Tree {
        let mut tree = Tree::new();
        for leaf in LEAVES {
            tree.push(leaf_hash(&hex::decode(leaf).unwrap()));
        }
        tree
    }

    #[test]
    fn reference_roots() {
        let tree = reference_tree();
        assert_eq!(
            hex::encode(tree.root_at(0).unwrap()),
            hex::encode(Sha256::digest([]))
        );
        for (size, root) in (1..).zip(ROOTS) {
            assert_eq!(
                hex::encode(tree.root_at(size).unwrap()),
                root,
                "size {size}"
            );
        }
        assert_eq!(tree.root_at(9), None);
    }

    #[test]
    fn reference_proofs() {
        let tree = reference_tree();
        let hexes = |path: Vec<Hash>| path.iter().map(hex::encode).collect::<Vec<_>>();
        assert_eq!(
            hexes(tree.inclusion(5, 8).unwrap()),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            hexes(tree.consistency(6, 8).unwrap()),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    /// MTH of RFC 6962 section 2.1, word for word.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves.len() {
            0 => empty_root(),
            1 => leaves[0],
            n => {
                let k = split(n as u64) as usize;
                node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
            }
        }
    }

    /// PATH of RFC 6962 section 2.1.1.
    fn naive_path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = split(leaves.len() as u64) as usize;
        if m < k {
            let mut path = naive_path(m, &leaves[..k]);
            path.push(naive_root(&leaves[k..]));
            path
        } else {
            let mut path = naive_path(m - k, &leaves[k..]);
            path.push(naive_root(&leaves[..k]));
            path
        }
    }

    /// SUBPROOF of RFC 6962 section 2.1.2.
    fn naive_subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if whole {
                Vec::new()
            } else {
                vec![naive_root(leaves)]
            };
        }
        let k = split(leaves.len() as u64) as usize;
        if m <= k {
            let mut path = naive_subproof(m, &leaves[..k], whole);
            path.push(naive_root(&leaves[k..]));
            path
        } else {
            let mut path = naive_subproof(m - k, &leaves[k..], false);
            path.push(naive_root(&leaves[..k]));
            path
        }
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn every_small_tree_equals_the_definition() {
        let all = leaves(40);
        let mut tree = Tree::new();
        all.iter().for_each(|leaf| tree.push(*leaf));
        for n in 1..=all.len() {
            let root = naive_root(&all[..n]);
            assert_eq!(tree.root_at(n as u64), Some(root));
            for m in 0..n {
                let path = tree.inclusion(m as u64, n as u64).unwrap();
                assert_eq!(path, naive_path(m, &all[..n]));
                assert!(verify_inclusion(&all[m], m as u64, n as u64, &path, &root));
            }
            for m in 1..=n {
                let path = tree.consistency(m as u64, n as u64).unwrap();
                assert_eq!(path, naive_subproof(m, &all[..n], true));
                assert!(verify_consistency(
                    m as u64,
                    n as u64,
                    &path,
                    &naive_root(&all[..m]),
                    &root
                ));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn truncating_is_never_having_pushed(keep in 0u64..200, more in 0usize..100) {
            let all = leaves(keep as usize + more);
            let mut tree = Tree::new();
            all.iter().for_each(|leaf| tree.push(*leaf));
            tree.truncate(keep);
            let mut fresh = Tree::new();
            all[..keep as usize].iter().for_each(|leaf| fresh.push(*leaf));
            prop_assert_eq!(tree.levels, fresh.levels);
        }

        #[test]
        fn a_proof_proves_nothing_else(
            n in 2u64..300, a in any::<u64>(), b in any::<u64>(), bit in 0usize..256, which in any::<usize>(),
        ) {
            let all = leaves(n as usize);
            let mut tree = Tree::new();
            all.iter().for_each(|leaf| tree.push(*leaf));
            let (m, root) = (a % n, tree.root());
            let path = tree.inclusion(m, n).unwrap();
            let other = b % n;
            if other != m {
                prop_assert!(!verify_inclusion(&all[m as usize], other, n, &path, &root));
                prop_assert!(!verify_inclusion(&all[other as usize], m, n, &path, &root));
            }
            let mut bent = path.clone();
            let at = which % bent.len();
            bent[at][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!verify_inclusion(&all[m as usize], m, n, &bent, &root));
            prop_assert!(!verify_inclusion(&all[m as usize], m, n, &path[1..], &root));

            let first = 1 + b % (n - 1);
            let old = tree.root_at(first).unwrap();
            let path = tree.consistency(first, n).unwrap();
            prop_assert!(verify_consistency(first, n, &path, &old, &root));
            let mut bent = path.clone();
            let at = which % bent.len();
            bent[at][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!verify_consistency(first, n, &bent, &old, &root));
            prop_assert!(!verify_consistency(first, n, &path[1..], &old, &root));
            prop_assert!(!verify_consistency(first, n, &path, &leaf_hash(b"fork"), &root));
        }
    }
}
