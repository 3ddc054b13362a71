//! Values seen together, and whose they turn out to be.

use hudun_core::{DataKind, KindSet, Sighting, SubjectToken};

/// A value that can name a person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ident {
    pub(crate) token: SubjectToken,
    pub(crate) kind: DataKind,
    /// The field map says that this field holds the person's own identifier.
    pub(crate) mapped: bool,
    /// It stands in a list, so that its neighbours may be other persons.
    pub(crate) listed: bool,
}

/// What was seen in one object, row or element, until it is known whose it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) kinds: KindSet,
    pub(crate) idents: Vec<Ident>,
}

const MAX_ALIASES: usize = 16;

impl Group {
    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.idents.is_empty()
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.kinds = self.kinds.union(other.kinds);
        self.idents.extend(other.idents);
    }

    pub(crate) fn clear(&mut self) {
        self.kinds = KindSet::EMPTY;
        self.idents.clear();
    }

    /// The sighting of a known subject.
    pub(crate) fn of_subject(&self, subject: SubjectToken) -> Sighting {
        Sighting {
            subject,
            kinds: self.kinds,
            aliases: self.aliases(subject, |_| true),
        }
    }

    /// Nobody's key was seen: the identifying values speak for themselves. Returns whether kinds were left that nobody
    /// could be named for.
    pub(crate) fn of_values(&self, emit: &mut dyn FnMut(Sighting)) -> bool {
        let own = |ident: &&Ident| ident.mapped && !ident.listed;
        // Identifiers that the map declares describe one person: the strongest names it.
        if let Some(best) = self.idents.iter().filter(own).min_by_key(|i| rank(i.kind)) {
            emit(Sighting {
                subject: best.token,
                kinds: self.kinds,
                aliases: self.aliases(best.token, |ident| !ident.listed),
            });
            for other in self.idents.iter().filter(|i| !own(i)) {
                emit(Sighting::new(other.token, KindSet::of(&[other.kind])));
            }
            return false;
        }
        // Values found in text name one person each; what else was seen may be any one's.
        let found = KindSet::from_iter(self.idents.iter().map(|ident| ident.kind));
        let rest: KindSet = self
            .kinds
            .iter()
            .filter(|kind| !found.contains(*kind))
            .collect();
        for ident in &self.idents {
            emit(Sighting::new(ident.token, rest.with(ident.kind)));
        }
        self.idents.is_empty() && !self.kinds.is_empty()
    }

    fn aliases(&self, subject: SubjectToken, also: impl Fn(&Ident) -> bool) -> Vec<SubjectToken> {
        let mut aliases: Vec<SubjectToken> = Vec::new();
        for ident in self
            .idents
            .iter()
            .filter(|i| is_alias(i.kind) && i.mapped && also(i))
        {
            if aliases.len() < MAX_ALIASES
                && ident.token != subject
                && !aliases.contains(&ident.token)
            {
                aliases.push(ident.token);
            }
        }
        aliases
    }
}

/// How well a kind names one person; lower is better.
fn rank(kind: DataKind) -> u8 {
    match kind {
        DataKind::ExternalUserId => 0,
        DataKind::UnionId => 1,
        DataKind::ResidentId => 2,
        DataKind::Mobile => 3,
        DataKind::Email => 4,
        DataKind::OpenId => 5,
        DataKind::Passport => 6,
        DataKind::WechatId => 7,
        DataKind::Qq => 8,
        DataKind::BankCard => 9,
        DataKind::Plate => 10,
        _ => 11,
    }
}

/// Whether a value of this kind can stand for a person when nothing better is there.
pub(crate) const fn names_a_person(kind: DataKind) -> bool {
    matches!(
        kind,
        DataKind::ExternalUserId
            | DataKind::UnionId
            | DataKind::ResidentId
            | DataKind::Mobile
            | DataKind::Email
            | DataKind::OpenId
            | DataKind::Passport
            | DataKind::WechatId
            | DataKind::Qq
            | DataKind::BankCard
            | DataKind::Plate
            | DataKind::Name
            | DataKind::Address
    )
}

/// Whether a mapped value of this kind proves two records to be one person. Names and addresses don't; cards, plates and
/// the like may be shared.
pub(crate) const fn is_alias(kind: DataKind) -> bool {
    matches!(
        kind,
        DataKind::ExternalUserId
            | DataKind::UnionId
            | DataKind::OpenId
            | DataKind::ResidentId
            | DataKind::Mobile
            | DataKind::Email
    )
}
