//! TX and the collections that outlive a transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// The TX names that rules mention, numbered at load.
#[derive(Debug, Default)]
pub(crate) struct TxNames {
    index: HashMap<Box<[u8]>, u32>,
    names: Vec<Box<[u8]>>,
}

impl TxNames {
    /// The number of a name; a new one when it is new.
    pub(crate) fn intern(&mut self, name: &[u8]) -> u32 {
        let lower: Box<[u8]> = name.to_ascii_lowercase().into();
        if let Some(found) = self.index.get(&lower) {
            return *found;
        }
        let number = self.names.len() as u32;
        self.names.push(lower.clone());
        self.index.insert(lower, number);
        number
    }

    pub(crate) fn get(&self, lower: &[u8]) -> Option<u32> {
        self.index.get(lower).copied()
    }

    pub(crate) fn name(&self, number: u32) -> &[u8] {
        &self.names[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.names
            .iter()
            .enumerate()
            .map(|(at, name)| (at as u32, name.as_ref()))
    }
}

/// The TX collection of one transaction.
#[derive(Debug)]
pub(crate) struct Tx<'r> {
    names: &'r TxNames,
    fixed: Vec<Option<TxValue>>,
    open: BTreeMap<Vec<u8>, TxValue>,
}

/// A value of TX; the short ones, which are almost all, take no allocation.
#[derive(Debug, Clone)]
pub(crate) enum TxValue {
    Short(u8, [u8; 22]),
    Long(Box<[u8]>),
}

impl TxValue {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut buffer = [0; 22];
        match buffer.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                Self::Short(bytes.len() as u8, buffer)
            }
            None => Self::Long(bytes.into()),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, buffer) => &buffer[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl<'r> Tx<'r> {
    pub(crate) fn new(names: &'r TxNames) -> Self {
        Self {
            names,
            fixed: vec![None; names.len()],
            open: BTreeMap::new(),
        }
    }

    pub(crate) fn fixed(&self, slot: u32) -> Option<&[u8]> {
        self.fixed[slot as usize].as_ref().map(TxValue::bytes)
    }

    pub(crate) fn set_fixed(&mut self, slot: u32, value: Option<TxValue>) {
        self.fixed[slot as usize] = value;
    }

    pub(crate) fn get(&self, lower: &[u8]) -> Option<&[u8]> {
        match self.names.get(lower) {
            Some(slot) => self.fixed(slot),
            None => self.open.get(lower).map(TxValue::bytes),
        }
    }

    /// Sets or removes; over the limit a new name is dropped.
    pub(crate) fn set(&mut self, lower: &[u8], value: Option<TxValue>) {
        match (self.names.get(lower), value) {
            (Some(slot), value) => self.set_fixed(slot, value),
            (None, None) => {
                self.open.remove(lower);
            }
            (None, Some(value)) => {
                if self.open.len() < MAX_NAMES || self.open.contains_key(lower) {
                    self.open.insert(lower.to_vec(), value);
                }
            }
        }
    }

    /// All names that are set, with their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let fixed = self
            .fixed
            .iter()
            .enumerate()
            .filter_map(|(at, v)| v.as_ref().map(|v| (self.names.name(at as u32), v.bytes())));
        fixed.chain(self.open_iter())
    }

    /// Those names that were not known at load.
    pub(crate) fn open_iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.open.iter().map(|(k, v)| (k.as_slice(), v.bytes()))
    }
}

/// A collection that outlives a transaction: `ip`, `session`, `user`, `global`, `resource`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The variables: name in lower case, value and the second after which it is gone.
    pub fields: BTreeMap<Vec<u8>, Field>,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// When it was last changed.
    pub updated: i64,
    /// After this second the record is gone.
    pub expires: i64,
}

/// One variable of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its value.
    pub value: Vec<u8>,
    /// After this second it is gone; none: with the record.
    pub expires: Option<i64>,
}

/// Where records are kept between transactions. Implement it to share them between machines.
pub trait RecordStore: Send + Sync {
    /// The record of a collection under a key, when there is one that has not expired.
    fn load(&self, collection: &str, key: &[u8], now: i64) -> Option<Record>;
    /// Keeps a record.
    fn save(&self, collection: &str, key: &[u8], record: &Record, now: i64);
}

/// Records in memory, bounded in number and in bytes per record; the one nearest its end goes first.
#[derive(Debug)]
pub struct MemoryRecords {
    limit: usize,
    records: Mutex<HashMap<(String, Vec<u8>), Record>>,
}

impl MemoryRecords {
    /// Keeps no more than `limit` records.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            records: Mutex::new(HashMap::new()),
        }
    }

    /// How many records are kept.
    pub fn len(&self) -> usize {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl RecordStore for MemoryRecords {
    fn load(&self, collection: &str, key: &[u8], now: i64) -> Option<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records
            .get(&(collection.to_owned(), key.to_vec()))
            .filter(|r| r.expires > now)
            .cloned()
    }

    fn save(&self, collection: &str, key: &[u8], record: &Record, now: i64) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let full_key = (collection.to_owned(), key.to_vec());
        if records.len() >= self.limit && !records.contains_key(&full_key) {
            records.retain(|_, r| r.expires > now);
            if records.len() >= self.limit {
                // Drop an eighth at once, so that a flood of new keys doesn't sort on every request.
                let mut ends: Vec<_> = records
                    .iter()
                    .map(|(k, r)| (r.expires, k.clone()))
                    .collect();
                ends.sort_unstable();
                for (_, key) in ends.into_iter().take(self.limit / 8 + 1) {
                    records.remove(&key);
                }
            }
        }
        records.insert(full_key, record.clone());
    }
}

/// No collection has more names than this.
pub(crate) const MAX_NAMES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_bounded_and_expire() {
        let store = MemoryRecords::new(16);
        for at in 0..200u32 {
            let record = Record {
                expires: 100 + i64::from(at),
                ..Record::default()
            };
            store.save("ip", &at.to_be_bytes(), &record, 1);
            assert!(store.len() <= 16);
        }
        assert!(store.load("ip", &199u32.to_be_bytes(), 1).is_some());
        assert!(store.load("ip", &199u32.to_be_bytes(), 1000).is_none());
        assert!(store.load("session", &199u32.to_be_bytes(), 1).is_none());
    }
}
