//! Where the addresses of affected persons come from when an approved notice goes out.
//!
//! Hudun keeps no addresses: it knows persons as keyed tokens. The SCRM's owner gives a list that names persons as the
//! profile does; each line is turned into tokens and held against the affected set, and only matches are used.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hudun_core::{BoxFuture, SubjectToken, TenantId};
use hudun_gateway::TenantKeys as _;
use hudun_inform::Addressees;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keys::MasterKey;

/// Columns that name no person.
const EMAIL: &str = "email";
const TENANT: &str = "tenant";
/// Questions about addresses that may wait for the one that is answered.
const MOST_WAITING: usize = 16;
/// Names of persons that one address leads to.
const MOST_FOUND: usize = 256;
/// Rows of one file.
const MOST_ROWS: usize = 20_000_000;

/// A CSV file, read anew for each notice. Its header names the columns: `email`; `tenant` where it holds several
/// tenants' persons; every other column is a namespace in which the profile names persons, such as `customer` or
/// `mobile`.
pub struct AddressFile {
    file: PathBuf,
    keys: MasterKey,
    questions: OneByOne,
}

impl AddressFile {
    /// The addresses in this file.
    pub fn new(file: PathBuf, keys: MasterKey) -> Self {
        Self {
            file,
            keys,
            questions: OneByOne::default(),
        }
    }

    /// Reads the whole file and counts its rows, to find what is wrong before it is needed.
    ///
    /// # Errors
    /// [`AddressError`] naming the file and the line.
    pub fn check(file: &Path) -> Result<usize, AddressError> {
        let mut rows = 0;
        read(file, |_| rows += 1)?;
        Ok(rows)
    }
}

impl Addressees for AddressFile {
    fn addresses<'a>(
        &'a self,
        tenant: &'a TenantId,
        tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<(SubjectToken, String)>, String>> {
        let (file, keys) = (self.file.clone(), self.keys.clone());
        let (tenant, tokens) = (tenant.clone(), tokens.to_vec());
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || {
                let mut matcher = Matcher::new(&keys, &tenant, &tokens);
                read(&file, |row| {
                    if row.tenant.is_none_or(|named| named == tenant.as_str()) {
                        matcher.take(&row.names, row.email);
                    }
                })?;
                Ok::<_, AddressError>(matcher.found)
            });
            let found = found.await.map_err(|cause| cause.to_string())?;
            found.map_err(|cause| cause.to_string())
        })
    }

    fn reached_at<'a>(
        &'a self,
        address: &'a str,
        tenants: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>> {
        Box::pin(async move {
            let turn = self.questions.turn().await?;
            let (file, keys) = (self.file.clone(), self.keys.clone());
            let (address, tenants) = (address.to_owned(), tenants.to_vec());
            let found = tokio::task::spawn_blocking(move || {
                // Held until the reading ends, even if nobody waits for it any more.
                let _turn = turn;
                let mut search = Search::new(&keys, &tenants, &address);
                read(&file, |row| search.take(row.tenant, &row.names, row.email))?;
                Ok::<_, AddressError>(search.found)
            });
            let found = found.await.map_err(|cause| cause.to_string())?;
            found.map_err(|cause| cause.to_string())
        })
    }
}

/// Lets one question about an address be answered at a time, and a few wait.
pub(crate) struct OneByOne {
    waiting: Arc<Semaphore>,
    reading: Arc<Semaphore>,
}

impl Default for OneByOne {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            reading: Arc::new(Semaphore::new(1)),
        }
    }
}

impl OneByOne {
    /// Waits for the turn, which lasts until it is dropped.
    ///
    /// # Errors
    /// When too many wait already.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, String> {
        let closed = |cause: tokio::sync::AcquireError| cause.to_string();
        let _place = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| format!("{MOST_WAITING} questions about addresses wait already"))?;
        Arc::clone(&self.reading)
            .acquire_owned()
            .await
            .map_err(closed)
    }
}

/// Looks for the persons who are reached at one address.
pub(crate) struct Search<'a> {
    keyers: Vec<(&'a TenantId, hudun_pii::Keyer)>,
    address: &'a str,
    /// Each of them by all their names.
    pub(crate) found: Vec<(TenantId, SubjectToken)>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(keys: &MasterKey, tenants: &'a [TenantId], address: &'a str) -> Self {
        let keyers = tenants.iter().map(|tenant| (tenant, keys.keyer(tenant)));
        Self {
            keyers: keyers.collect(),
            address,
            found: Vec::new(),
        }
    }

    /// One person by all their names; `tenant` where the list says whose customer it is.
    pub(crate) fn take(&mut self, tenant: Option<&str>, names: &[(&str, &str)], email: &str) {
        if !email.eq_ignore_ascii_case(self.address) {
            return;
        }
        for (of, keyer) in &self.keyers {
            if tenant.is_some_and(|named| named != of.as_str()) {
                continue;
            }
            for (namespace, value) in names {
                if self.found.len() < MOST_FOUND {
                    let person = keyer.subject(namespace, value);
                    self.found.push(((*of).clone(), person));
                }
            }
        }
    }
}

/// Holds rows of an address list against the affected set.
pub(crate) struct Matcher {
    keyer: hudun_pii::Keyer,
    wanted: HashSet<SubjectToken>,
    /// Each wanted person once, by the first row that names them.
    pub(crate) found: Vec<(SubjectToken, String)>,
}

impl Matcher {
    pub(crate) fn new(keys: &MasterKey, tenant: &TenantId, tokens: &[SubjectToken]) -> Self {
        Self {
            keyer: keys.keyer(tenant),
            wanted: tokens.iter().copied().collect(),
            found: Vec::new(),
        }
    }

    /// One person by all their names (namespace and value), and where they are reached.
    pub(crate) fn take(&mut self, names: &[(&str, &str)], email: &str) {
        for (namespace, value) in names {
            let token = self.keyer.subject(namespace, value);
            if self.wanted.remove(&token) {
                self.found.push((token, email.to_owned()));
            }
        }
    }
}

struct Row<'a> {
    tenant: Option<&'a str>,
    names: Vec<(&'a str, &'a str)>,
    email: &'a str,
}

/// Reads the rows that have an address.
fn read(file: &Path, mut each: impl FnMut(Row<'_>)) -> Result<(), AddressError> {
    let wrong = |line: u64, problem: String| AddressError::Line {
        file: file.to_owned(),
        line,
        problem,
    };
    let opened = std::fs::File::open(file).map_err(|source| AddressError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    let mut reader = csv::Reader::from_reader(opened);
    let said = |error: &csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        wrong(line, error.to_string())
    };
    let header = reader.headers().map_err(|error| said(&error))?.clone();
    let columns: Vec<&str> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim())
        .collect();
    let at = |wanted: &str| columns.iter().position(|name| *name == wanted);
    let email = at(EMAIL).ok_or_else(|| wrong(1, format!("the header has no column `{EMAIL}`")))?;
    let tenant = at(TENANT);
    if columns.len() < 2 + usize::from(tenant.is_some()) {
        let problem = "the header names no column for persons, such as `customer`";
        return Err(wrong(1, problem.to_owned()));
    }
    let mut record = csv::StringRecord::new();
    let mut rows = 0;
    while reader
        .read_record(&mut record)
        .map_err(|error| said(&error))?
    {
        rows += 1;
        let line = record.position().map_or(0, csv::Position::line);
        if rows > MOST_ROWS {
            return Err(wrong(line, format!("more than {MOST_ROWS} rows")));
        }
        let cell = |at: usize| record.get(at).unwrap_or_default().trim();
        if cell(email).is_empty() {
            continue;
        }
        let (user, host) = cell(email).split_once('@').unwrap_or_default();
        if user.is_empty() || host.is_empty() || cell(email).chars().any(char::is_whitespace) {
            // The value itself is personal data.
            return Err(wrong(line, "the e-mail address can't be one".to_owned()));
        }
        let names = (0..columns.len())
            .filter(|&at| at != email && Some(at) != tenant && !cell(at).is_empty())
            .map(|at| (columns[at], cell(at)))
            .collect();
        each(Row {
            tenant: tenant.map(cell),
            names,
            email: cell(email),
        });
    }
    Ok(())
}

/// An address file that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It can't be opened.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is wrong. Nothing of the file is used.
    #[error("{}, line {line}: {problem}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let keys = MasterKey::open(&folder.path().join("master.key")).unwrap();
        let file = folder.path().join("addresses.csv");
        std::fs::write(&file, text).unwrap();
        let tenant: TenantId = "north".parse().unwrap();
        let keyer = keys.keyer(&tenant);
        let wanted = [
            keyer.subject("customer", "7"),
            keyer.subject("mobile", "13800000008"),
            keyer.subject("customer", "9"),
        ];
        let book = AddressFile::new(file, keys);
        let mut found = book.addresses(&tenant, &wanted).await?;
        found.sort_by(|one, other| one.1.cmp(&other.1));
        assert!(found.iter().all(|(token, _)| wanted.contains(token)));
        Ok(found.into_iter().map(|(_, email)| email).collect())
    }

    #[tokio::test]
    async fn only_affected_persons_of_the_tenant_are_found_by_any_of_their_names() {
        let text = "\u{feff}customer,mobile,email,tenant\n\
                    7,13800000007,seven@example.com,north\n\
                    8,138 0000 0008,eight@example.com,north\n\
                    9,,,north\n\
                    7,,double@example.com,north\n\
                    9,,nine@example.com,south\n\
                    10,13800000010,ten@example.com,north\n";
        let found = asked(text).await.unwrap();
        assert_eq!(found, ["eight@example.com", "seven@example.com"]);
    }

    #[tokio::test]
    async fn an_address_leads_back_to_its_persons_of_the_tenants_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let keys = MasterKey::open(&folder.path().join("master.key")).unwrap();
        let file = folder.path().join("addresses.csv");
        let text = "customer,mobile,email,tenant\n\
                    7,13800000007,Family@example.com,north\n\
                    8,,family@EXAMPLE.com,north\n\
                    9,,family@example.com,south\n\
                    10,,other@example.com,north\n";
        std::fs::write(&file, text).unwrap();
        let tenants: Vec<TenantId> = vec!["north".parse().unwrap(), "west".parse().unwrap()];
        let north = keys.keyer(&tenants[0]);
        let book = AddressFile::new(file, keys);
        let found = book.reached_at("family@example.com", &tenants).await;
        let wanted = [
            ("customer", "7"),
            ("mobile", "13800000007"),
            ("customer", "8"),
        ];
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(space, value)| (tenants[0].clone(), north.subject(space, value)))
            .collect();
        assert_eq!(found.unwrap(), wanted);
        let nobody = book.reached_at("nobody@example.com", &tenants).await;
        assert_eq!(nobody.unwrap(), vec![]);
    }

    #[tokio::test]
    async fn one_question_is_answered_at_a_time_and_few_wait() {
        let book = Arc::new(OneByOne::default());
        let turn = book.turn().await.unwrap();
        let waiting: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                let book = Arc::clone(&book);
                tokio::spawn(async move { book.turn().await.map(drop) })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(book.turn().await.is_err());
        assert!(waiting.iter().all(|one| !one.is_finished()));
        drop(turn);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        drop(book.turn().await.unwrap());
    }

    #[tokio::test]
    async fn a_bad_file_is_refused_whole_and_names_the_line_but_no_person() {
        for (text, line, word) in [
            ("customer,mail\n7,a@b.c\n", "line 1", "`email`"),
            ("email\na@b.c\n", "line 1", "customer"),
            (
                "customer,email\n7,a@b.c\n8,zhangsan\n",
                "line 3",
                "can't be one",
            ),
            ("customer,email\n7,a@b.c\n8\n", "line 3", "field"),
        ] {
            let error = asked(text).await.unwrap_err();
            assert!(error.contains(line) && error.contains(word), "{error}");
            assert!(!error.contains("zhangsan"), "{error}");
        }
        assert!(AddressFile::check(Path::new("/nowhere.csv")).is_err());
    }
}
