//! One shard of the state: groups by tenant and correlation, each partition with its own quota, so that nobody's flood
//! pushes out somebody else's memory.

use std::collections::HashMap;
use std::mem::size_of;

use foldhash::fast::FixedState;

use super::chain::{Chain, Link, Linked, NONE};
use super::kept::{KeptGroup, write_group};
use super::window::Window;

/// Bytes that a group costs beside its window: its slot and its place in the map.
const GROUP: usize = size_of::<Group>() + 32;
/// Identities of events that a shard remembers, to know duplicates.
const RECENT: usize = 1 << 14;

/// What a shard may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShardLimits {
    pub(crate) groups: usize,
    pub(crate) tenant_bytes: usize,
    pub(crate) bytes: usize,
    pub(crate) tenants: usize,
}

/// What happened while making room.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Room {
    pub(crate) evicted: u64,
    pub(crate) expired: u64,
}

#[derive(Debug)]
pub(crate) struct Shard {
    tenants: HashMap<u64, Tenant, FixedState>,
    pub(crate) bytes: usize,
    pub(crate) groups: usize,
    recent: Vec<u64>,
}

#[derive(Debug, Default)]
struct Tenant {
    partitions: HashMap<u64, Partition, FixedState>,
    bytes: usize,
}

/// The groups of one correlation of one tenant.
#[derive(Debug, Default)]
struct Partition {
    /// Keys are keyed hashes already, so a plain hash suffices.
    map: HashMap<u128, u32, FixedState>,
    slab: Vec<Group>,
    free: Vec<u32>,
    /// Groups with one event: the first to go, so that a million keys seen once wash out one another.
    cold: Chain,
    warm: Chain,
    bytes: usize,
}

/// One group.
#[derive(Debug)]
pub(crate) struct Group {
    key: u128,
    link: Link,
    warm: bool,
    cost: usize,
    /// The newest event time.
    pub(crate) newest: i64,
    /// Whether the condition held at the last event, and when it was last reported.
    pub(crate) held: bool,
    pub(crate) reported: i64,
    pub(crate) window: Window,
}

impl Linked for Group {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Shard {
    pub(crate) fn new() -> Self {
        Self {
            tenants: HashMap::default(),
            bytes: 0,
            groups: 0,
            recent: Vec::new(),
        }
    }

    /// Whether an event of this identity was seen lately; remembers it.
    pub(crate) fn seen(&mut self, identity: u64) -> bool {
        if self.recent.is_empty() {
            self.recent = vec![0; RECENT];
        }
        #[allow(clippy::cast_possible_truncation)]
        let set = (identity as usize % (RECENT / 4)) * 4;
        let ways = &mut self.recent[set..set + 4];
        if ways.contains(&identity) {
            return true;
        }
        ways.rotate_right(1);
        ways[0] = identity;
        false
    }

    /// Works on a group, which is made when it isn't there. `None`: no room for another tenant.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn with<R>(
        &mut self,
        limits: &ShardLimits,
        (tenant_key, correlation, key): (u64, u64, u128),
        (at, timespan): (i64, i64),
        room: &mut Room,
        fresh: impl FnOnce() -> Window,
        work: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        if !self.tenants.contains_key(&tenant_key) && self.tenants.len() >= limits.tenants {
            self.tenants.retain(|_, tenant| tenant.bytes > 0);
            if self.tenants.len() >= limits.tenants {
                return None;
            }
        }
        let tenant = self.tenants.entry(tenant_key).or_default();
        let partition = tenant.partitions.entry(correlation).or_default();
        let before = partition.bytes;
        let groups = partition.map.len();
        let slot = match partition.map.get(&key).copied() {
            Some(slot) => {
                partition.renew(slot);
                slot
            }
            None => {
                // Two that have run out for one that comes: what is past goes by itself.
                for _ in 0..2 {
                    room.expired += u64::from(partition.expire(at, timespan));
                }
                while partition.map.len() >= limits.groups.max(1) && partition.evict() {
                    room.evicted += 1;
                }
                partition.insert(key, at, fresh())
            }
        };
        let group = &mut partition.slab[slot as usize];
        let result = work(group);
        let cost = GROUP + group.window.cost();
        partition.bytes = partition.bytes + cost - group.cost;
        group.cost = cost;
        tenant.bytes = tenant.bytes + partition.bytes - before;
        self.bytes = self.bytes + partition.bytes - before;
        self.groups = self.groups + partition.map.len() - groups;
        if tenant.bytes > limits.tenant_bytes {
            self.shrink(tenant_key, limits.tenant_bytes, room);
        }
        while self.bytes > limits.bytes {
            let Some(largest) = self
                .tenants
                .iter()
                .max_by_key(|(_, tenant)| tenant.bytes)
                .map(|(key, tenant)| (*key, tenant.bytes))
            else {
                break;
            };
            // Some more than needed, so that the search for the largest is rare.
            if !self.shrink(largest.0, largest.1 - largest.1 / 64, room) {
                break;
            }
        }
        Some(result)
    }

    /// Evicts groups of one tenant, from its largest partition, until it is within `bytes`.
    fn shrink(&mut self, tenant: u64, bytes: usize, room: &mut Room) -> bool {
        let Some(tenant) = self.tenants.get_mut(&tenant) else {
            return false;
        };
        let mut any = false;
        while tenant.bytes > bytes {
            let Some(partition) = tenant
                .partitions
                .values_mut()
                .max_by_key(|partition| partition.bytes)
            else {
                break;
            };
            let before = partition.bytes;
            if !partition.evict() {
                break;
            }
            any = true;
            room.evicted += 1;
            let freed = before - partition.bytes;
            tenant.bytes -= freed;
            self.bytes -= freed;
            self.groups -= 1;
        }
        any
    }

    /// Tenants and correlations that have a part here.
    pub(crate) fn places(&self) -> Vec<(u64, u64)> {
        let of_tenant = |(tenant, of): (&u64, &Tenant)| {
            let tenant = *tenant;
            of.partitions
                .keys()
                .map(move |fingerprint| (tenant, *fingerprint))
                .collect::<Vec<_>>()
        };
        self.tenants.iter().flat_map(of_tenant).collect()
    }

    /// Writes the groups of one tenant's correlation that are newer than `since`, those that go first at the front; gives
    /// their number.
    pub(crate) fn write_part(
        &self,
        tenant: u64,
        correlation: u64,
        since: i64,
        out: &mut Vec<u8>,
    ) -> u64 {
        let tenant = self.tenants.get(&tenant);
        let Some(partition) = tenant.and_then(|tenant| tenant.partitions.get(&correlation)) else {
            return 0;
        };
        let mut count = 0;
        for mut slot in [partition.cold.first, partition.warm.first] {
            while slot != NONE {
                let group = &partition.slab[slot as usize];
                if group.newest > since {
                    let about = (
                        group.key,
                        group.warm,
                        group.newest,
                        group.held,
                        group.reported,
                    );
                    write_group(about, &group.window, out);
                    count += 1;
                }
                slot = group.link.next;
            }
        }
        count
    }

    /// Takes in a group from a file, within the same bounds; false when there is no room for another tenant.
    pub(crate) fn put(
        &mut self,
        limits: &ShardLimits,
        (tenant, correlation): (u64, u64),
        kept: &KeptGroup,
        window: Window,
    ) -> bool {
        let place = (tenant, correlation, kept.key);
        let at = (kept.newest, i64::MAX);
        let fill = |group: &mut Group| {
            group.held = kept.held;
            group.reported = kept.reported;
        };
        let mut room = Room::default();
        let taken = self
            .with(limits, place, at, &mut room, || window, fill)
            .is_some();
        let tenant = self.tenants.get_mut(&tenant);
        let partition = tenant.and_then(|tenant| tenant.partitions.get_mut(&correlation));
        if kept.warm
            && let Some(partition) = partition
            && let Some(&slot) = partition.map.get(&kept.key)
        {
            partition.renew(slot);
        }
        taken
    }

    /// Forgets correlations that are no longer loaded.
    pub(crate) fn retain(&mut self, keep: &dyn Fn(u64) -> bool) {
        for tenant in self.tenants.values_mut() {
            tenant.partitions.retain(|fingerprint, partition| {
                if keep(*fingerprint) {
                    return true;
                }
                tenant.bytes -= partition.bytes;
                self.bytes -= partition.bytes;
                self.groups -= partition.map.len();
                false
            });
        }
    }
}

impl Partition {
    fn insert(&mut self, key: u128, at: i64, window: Window) -> u32 {
        let cost = GROUP + window.cost();
        let group = Group {
            key,
            link: Link::LOOSE,
            warm: false,
            cost,
            newest: at,
            held: false,
            reported: i64::MIN,
            window,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = group;
                slot
            }
            None => {
                self.slab.push(group);
                u32::try_from(self.slab.len() - 1).unwrap_or(NONE)
            }
        };
        self.cold.push(&mut self.slab, slot);
        self.map.insert(key, slot);
        self.bytes += cost;
        slot
    }

    fn renew(&mut self, slot: u32) {
        if self.slab[slot as usize].warm {
            if self.warm.last != slot {
                self.warm.remove(&mut self.slab, slot);
                self.warm.push(&mut self.slab, slot);
            }
        } else {
            self.cold.remove(&mut self.slab, slot);
            self.slab[slot as usize].warm = true;
            self.warm.push(&mut self.slab, slot);
        }
    }

    fn expire(&mut self, at: i64, timespan: i64) -> bool {
        for first in [self.cold.first, self.warm.first] {
            if first != NONE && self.slab[first as usize].newest < at.saturating_sub(timespan) {
                self.drop_group(first);
                return true;
            }
        }
        false
    }

    fn evict(&mut self) -> bool {
        let first = if self.cold.len * 8 >= self.map.len() && self.cold.first != NONE {
            self.cold.first
        } else {
            self.warm.first
        };
        if first == NONE {
            return false;
        }
        self.drop_group(first);
        true
    }

    fn drop_group(&mut self, slot: u32) {
        let chain = if self.slab[slot as usize].warm {
            &mut self.warm
        } else {
            &mut self.cold
        };
        chain.remove(&mut self.slab, slot);
        let group = &mut self.slab[slot as usize];
        self.bytes -= group.cost;
        self.map.remove(&group.key);
        // The window's memory goes now; the slot waits for the next group.
        group.window = Window::Count(super::window::Count::new(0));
        self.free.push(slot);
    }
}
