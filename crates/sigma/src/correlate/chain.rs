//! Doubly linked lists inside a vector: the oldest can be dropped and any member renewed in constant time.

/// No neighbour.
pub(crate) const NONE: u32 = u32::MAX;

/// Neighbours of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) prev: u32,
    pub(crate) next: u32,
}

impl Link {
    pub(crate) const LOOSE: Self = Self {
        prev: NONE,
        next: NONE,
    };
}

/// Anything that carries a link.
pub(crate) trait Linked {
    fn link(&mut self) -> &mut Link;
}

/// Ends of a list; the first is the oldest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) len: usize,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
            len: 0,
        }
    }
}

impl Chain {
    /// Puts a loose member after `prev`; [`NONE`] makes it the first.
    pub(crate) fn insert_after<T: Linked>(&mut self, slab: &mut [T], prev: u32, at: u32) {
        let next = if prev == NONE {
            std::mem::replace(&mut self.first, at)
        } else {
            std::mem::replace(&mut slab[prev as usize].link().next, at)
        };
        if next == NONE {
            self.last = at;
        } else {
            slab[next as usize].link().prev = at;
        }
        *slab[at as usize].link() = Link { prev, next };
        self.len += 1;
    }

    pub(crate) fn push<T: Linked>(&mut self, slab: &mut [T], at: u32) {
        self.insert_after(slab, self.last, at);
    }

    pub(crate) fn remove<T: Linked>(&mut self, slab: &mut [T], at: u32) {
        let Link { prev, next } = std::mem::replace(slab[at as usize].link(), Link::LOOSE);
        if prev == NONE {
            self.first = next;
        } else {
            slab[prev as usize].link().next = next;
        }
        if next == NONE {
            self.last = prev;
        } else {
            slab[next as usize].link().prev = prev;
        }
        self.len -= 1;
    }
}
