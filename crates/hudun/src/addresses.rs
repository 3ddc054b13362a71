//! Where the addresses of affected persons come from when an approved notice goes out.
//!
//! Hudun keeps no addresses: it knows persons as keyed tokens. The SCRM's owner gives a list that names persons as the
//! profile does; each line is turned into tokens and held against the affected set, and only matches are used.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use hudun_core::{BoxFuture, SubjectToken, TenantId};
use hudun_gateway::TenantKeys as _;
use hudun_inform::Addressees;

use crate::keys::MasterKey;

/// Columns that name no person.
const EMAIL: &str = "email";
const TENANT: &str = "tenant";
/// Rows of one file.
const MOST_ROWS: usize = 20_000_000;

/// A CSV file, read anew for each notice. Its header names the columns: `email`; `tenant` where it holds several
/// tenants' persons; every other column is a namespace in which the profile names persons, such as `customer` or
/// `mobile`.
pub struct AddressFile {
    file: PathBuf,
    keys: MasterKey,
}

impl AddressFile {
    /// The addresses in this file.
    pub fn new(file: PathBuf, keys: MasterKey) -> Self {
        Self { file, keys }
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
