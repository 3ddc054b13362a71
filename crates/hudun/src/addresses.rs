//! Where the addresses of affected persons come from when an approved notice goes out.
//!
//! Hudun keeps no addresses: it knows persons as keyed tokens. The SCRM's owner gives a list that names persons as the
//! profile does; each line is turned into tokens and held against the affected set, and only matches are used.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hudun_core::{BoxFuture, SubjectToken, TenantId};
use hudun_gateway::TenantKeys as _;
use hudun_inform::{Addressee, Addressees, Contact};
use hudun_pii::Phone;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keys::MasterKey;

/// Columns that name no person.
const EMAIL: &str = "email";
const PHONE: &str = "phone";
const TENANT: &str = "tenant";
/// Questions about addresses that may wait for the one that is answered.
const MOST_WAITING: usize = 16;
/// Names of persons that one address leads to.
const MOST_FOUND: usize = 256;
/// Rows of one file.
const MOST_ROWS: usize = 20_000_000;

/// A CSV file, read anew for each notice. Its header names the columns: `email`, `phone` or both, where persons are
/// reached; `tenant` where it holds several tenants' persons; every other column is a namespace in which the profile
/// names persons, such as `customer` or `mobile`.
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
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>> {
        let (file, keys) = (self.file.clone(), self.keys.clone());
        let (tenant, tokens) = (tenant.clone(), tokens.to_vec());
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || {
                let mut matcher = Matcher::new(&keys, &tenant, &tokens);
                read(&file, |row| {
                    if row.tenant.is_none_or(|named| named == tenant.as_str()) {
                        matcher.take(&row.names, row.email, row.phone);
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
        contact: &'a Contact,
        tenants: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>> {
        Box::pin(async move {
            let turn = self.questions.turn().await?;
            let (file, keys) = (self.file.clone(), self.keys.clone());
            let (contact, tenants) = (contact.clone(), tenants.to_vec());
            let found = tokio::task::spawn_blocking(move || {
                // Held until the reading ends, even if nobody waits for it any more.
                let _turn = turn;
                let mut search = Search::new(&keys, &tenants, &contact);
                read(&file, |row| {
                    search.take(row.tenant, &row.names, row.email, row.phone.as_ref());
                })?;
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
    contact: &'a Contact,
    /// Each of them by all their names.
    pub(crate) found: Vec<(TenantId, SubjectToken)>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(keys: &MasterKey, tenants: &'a [TenantId], contact: &'a Contact) -> Self {
        let keyers = tenants.iter().map(|tenant| (tenant, keys.keyer(tenant)));
        Self {
            keyers: keyers.collect(),
            contact,
            found: Vec::new(),
        }
    }

    /// One person by all their names; `tenant` where the list says whose customer it is.
    pub(crate) fn take(
        &mut self,
        tenant: Option<&str>,
        names: &[(&str, &str)],
        email: &str,
        phone: Option<&Phone>,
    ) {
        let is_theirs = match self.contact {
            Contact::Email(address) => email.eq_ignore_ascii_case(address),
            Contact::Phone(number) => phone == Some(number),
        };
        if !is_theirs {
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
    /// Each wanted person once, by the first row that names them; with all the wanted tokens of that row.
    pub(crate) found: Vec<Addressee>,
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
    pub(crate) fn take(&mut self, names: &[(&str, &str)], email: &str, phone: Option<Phone>) {
        let mut persons = Vec::new();
        for (namespace, value) in names {
            let token = self.keyer.subject(namespace, value);
            if self.wanted.remove(&token) {
                persons.push(token);
            }
        }
        if !persons.is_empty() {
            self.found.push(Addressee {
                persons,
                email: Some(email.to_owned()).filter(|email| !email.is_empty()),
                phone,
            });
        }
    }
}

struct Row<'a> {
    tenant: Option<&'a str>,
    names: Vec<(&'a str, &'a str)>,
    /// Empty when there is none.
    email: &'a str,
    phone: Option<Phone>,
}

/// Reads the rows that have an address or a number.
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
    let (email, phone, tenant) = (at(EMAIL), at(PHONE), at(TENANT));
    if email.is_none() && phone.is_none() {
        let problem = format!("the header has neither a column `{EMAIL}` nor `{PHONE}`");
        return Err(wrong(1, problem));
    }
    let known = [email, phone, tenant];
    if columns.len() <= known.iter().flatten().count() {
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
        let (address, number) = (
            email.map(cell).unwrap_or_default(),
            phone.map(cell).unwrap_or_default(),
        );
        if address.is_empty() && number.is_empty() {
            continue;
        }
        let (user, host) = address.split_once('@').unwrap_or_default();
        let is_address =
            !user.is_empty() && !host.is_empty() && !address.chars().any(char::is_whitespace);
        if !address.is_empty() && !is_address {
            // The value itself is personal data.
            return Err(wrong(line, "the e-mail address can't be one".to_owned()));
        }
        let phone = if number.is_empty() {
            None
        } else {
            let read = Phone::parse(number);
            Some(read.map_err(|cause| wrong(line, format!("phone: {cause}")))?)
        };
        let names = (0..columns.len())
            .filter(|&at| !known.contains(&Some(at)) && !cell(at).is_empty())
            .map(|at| (columns[at], cell(at)))
            .collect();
        each(Row {
            tenant: tenant.map(cell),
            names,
            email: address,
            phone,
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
        found.sort_by(|one, other| one.email.cmp(&other.email));
        let all = |one: &Addressee| one.persons.iter().all(|token| wanted.contains(token));
        assert!(found.iter().all(all));
        let shown = found.into_iter().map(|one| {
            let phone = one.phone.map(|phone| phone.as_str().to_owned());
            let ways: Vec<String> = one.email.into_iter().chain(phone).collect();
            format!("{} {}", one.persons.len(), ways.join(" "))
        });
        Ok(shown.collect())
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
        assert_eq!(found, ["1 eight@example.com", "1 seven@example.com"]);
    }

    #[tokio::test]
    async fn a_number_reaches_a_person_and_one_row_is_one_person() {
        let text = "customer,mobile,email,phone,tenant\n\
                    7,13800000008,,138 0000 0008,north\n\
                    9,,nine@example.com,+852 5123 4567,north\n\
                    8,13800000009,,,north\n";
        let found = asked(text).await.unwrap();
        assert_eq!(
            found,
            ["2 +8613800000008", "1 nine@example.com +85251234567"]
        );
        let found = asked("customer,phone\n7,13800000008\n").await.unwrap();
        assert_eq!(found, ["1 +8613800000008"]);
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
        let at = |address: &str| Contact::Email(address.to_owned());
        let found = book.reached_at(&at("family@example.com"), &tenants).await;
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
        let nobody = book.reached_at(&at("nobody@example.com"), &tenants).await;
        assert_eq!(nobody.unwrap(), vec![]);
        let file = folder.path().join("numbers.csv");
        std::fs::write(&file, "customer,phone\n7,138-0000-0007\n8,13800000008\n").unwrap();
        let keys = MasterKey::open(&folder.path().join("master.key")).unwrap();
        let book = AddressFile::new(file, keys);
        let number = Contact::Phone(Phone::parse("+8613800000007").unwrap());
        let found = book.reached_at(&number, &tenants[..1]).await.unwrap();
        assert_eq!(
            found,
            [(tenants[0].clone(), north.subject("customer", "7"))]
        );
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
            ("phone\n13800000001\n", "line 1", "customer"),
            (
                "customer,phone\n7,13800000001\n8,zhangsan\n",
                "line 3",
                "the form",
            ),
            ("customer,phone\n7,15400000001\n", "line 2", "mobile"),
        ] {
            let error = asked(text).await.unwrap_err();
            assert!(error.contains(line) && error.contains(word), "{error}");
            assert!(
                !error.contains("zhangsan") && !error.contains("1540"),
                "{error}"
            );
        }
        assert!(AddressFile::check(Path::new("/nowhere.csv")).is_err());
    }
}
