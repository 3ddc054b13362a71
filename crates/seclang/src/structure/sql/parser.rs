//! The grammar that dialects share, read tolerantly; what it meets on the way decides.

use super::tokens::Token;
use super::words::{DANGER, PROBES, RESERVED};

/// Deepest nesting.
const MOST_DEPTH: usize = 24;

/// What a parse met.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Met {
    pub(super) logic: u8,
    pub(super) constant_comparison: bool,
    pub(super) comparison: bool,
    pub(super) danger: bool,
    pub(super) probe: bool,
    pub(super) select: bool,
    pub(super) union: bool,
    pub(super) stacked: bool,
    pub(super) hidden: bool,
    pub(super) sort: bool,
    pub(super) open: Option<u8>,
    pub(super) arithmetic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind<'t> {
    Constant,
    Name(&'t str),
    Computed,
}

pub(super) struct Parser<'t> {
    pub(super) tokens: &'t [Token<'t>],
    pub(super) at: usize,
    pub(super) depth: usize,
    /// A bracket of the query was closed: its own closing bracket comes behind the value.
    pub(super) outside: bool,
    /// The value may be one of several, so that further ones follow behind a comma.
    pub(super) listed: bool,
    pub(super) met: Met,
}

impl<'t> Parser<'t> {
    pub(super) fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn word(&self) -> Option<&'t str> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn eat(&mut self, token: Token<'_>) -> Option<()> {
        (self.peek() == Some(token)).then(|| self.at += 1)
    }

    fn eat_word(&mut self, words: &[&str]) -> bool {
        let found = self.word().is_some_and(|word| words.contains(&word));
        if found {
            self.at += 1;
        }
        found
    }

    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth < MOST_DEPTH).then_some(())
    }

    /// Operands and operators, as far as they go.
    pub(super) fn expression(&mut self) -> Option<Kind<'t>> {
        self.enter()?;
        let mut left = self.operand()?;
        while let Some(next) = self.more(left) {
            left = next?;
        }
        self.depth -= 1;
        Some(left)
    }

    /// An operator with its right side; none when there is no operator here.
    fn more(&mut self, left: Kind<'t>) -> Option<Option<Kind<'t>>> {
        let begin = self.at;
        let logic = match self.peek()? {
            Token::Op("||" | "&&") => true,
            Token::Word("and" | "or" | "xor") => true,
            Token::Op("." | "~" | "!") => return None,
            Token::Op(_) => false,
            Token::Word(
                "div" | "mod" | "like" | "ilike" | "rlike" | "regexp" | "glob" | "is" | "in"
                | "between" | "not" | "sounds" | "collate" | "similar" | "escape" | "match",
            ) => false,
            _ => return None,
        };
        self.at += 1;
        // `|/**/|` is `||` to a reader that drops the comment.
        if self.tokens[begin] == Token::Op("|") {
            let _ = self.eat(Token::Op("|"));
        }
        if logic {
            self.met.logic = self.met.logic.saturating_add(1);
            let right = self.operand_with_rest();
            return Some(right);
        }
        let operator = self.tokens[begin];
        match operator {
            Token::Word("is") => {
                self.eat_word(&["not"]);
                self.met.comparison = true;
                let good = self.eat_word(&["null", "true", "false", "unknown", "distinct"]);
                return Some(good.then_some(Kind::Computed));
            }
            Token::Word("not")
                if !self.eat_word(&["like", "in", "between", "rlike", "regexp", "ilike"]) =>
            {
                return Some(None);
            }
            Token::Word("sounds") => {
                self.eat_word(&["like"]);
            }
            Token::Word("similar") => {
                self.eat_word(&["to"]);
            }
            _ => {}
        }
        let compares = matches!(
            self.tokens[begin],
            Token::Op("=" | "==" | "<" | ">" | "<=" | ">=" | "<>" | "!=" | "<=>" | "!~" | "~*")
                | Token::Word(
                    "like"
                        | "ilike"
                        | "rlike"
                        | "regexp"
                        | "glob"
                        | "in"
                        | "between"
                        | "not"
                        | "sounds"
                        | "similar"
                )
        );
        let between = matches!(self.tokens[self.at - 1], Token::Word("between"));
        let right = self.operand();
        let Some(right) = right else {
            return Some(None);
        };
        if between && (!self.eat_word(&["and"]) || self.operand().is_none()) {
            return Some(None);
        }
        if compares {
            self.met.comparison = true;
            self.met.constant_comparison |= match (left, right) {
                (Kind::Constant, Kind::Constant) => true,
                (Kind::Name(a), Kind::Name(b)) => a == b && a.len() < 8,
                _ => false,
            };
        } else {
            self.met.arithmetic = true;
        }
        let constant = left == Kind::Constant && right == Kind::Constant;
        Some(Some(if constant {
            Kind::Constant
        } else {
            Kind::Computed
        }))
    }

    /// The right side of `and`: an operand with its comparisons.
    fn operand_with_rest(&mut self) -> Option<Kind<'t>> {
        let mut left = self.operand()?;
        loop {
            if matches!(
                self.peek(),
                Some(Token::Op("||" | "&&") | Token::Word("and" | "or" | "xor"))
            ) {
                return Some(left);
            }
            match self.more(left) {
                None => return Some(left),
                Some(next) => left = next?,
            }
        }
    }

    fn operand(&mut self) -> Option<Kind<'t>> {
        self.enter()?;
        let kind = self.bare_operand();
        self.depth -= 1;
        kind
    }

    fn bare_operand(&mut self) -> Option<Kind<'t>> {
        while matches!(self.peek(), Some(Token::Op("+" | "-" | "~" | "!")))
            || matches!(
                self.word(),
                Some("not" | "binary" | "distinct" | "all" | "any" | "some")
            )
        {
            self.at += 1;
        }
        match self.peek()? {
            Token::Number => {
                self.at += 1;
                Some(Kind::Constant)
            }
            Token::Text(text, quote, closed) => {
                self.at += 1;
                if !closed {
                    // Words to the end are what stood in quotes before: `"union select" or "sale"`.
                    let prose = self.at > 1
                        && self.tokens[self.at - 2] == Token::Word("select")
                        && text.split_whitespace().count() > 3;
                    if self.at < self.tokens.len() || prose {
                        return None;
                    }
                    self.met.open = Some(quote);
                }
                while matches!(self.peek(), Some(Token::Text(_, _, true))) {
                    self.at += 1;
                }
                Some(Kind::Constant)
            }
            Token::Open => {
                self.at += 1;
                if self.word() == Some("select") {
                    self.select()?;
                } else if self.word() == Some("table") {
                    self.at += 1;
                    self.met.select = true;
                    self.operand()?;
                    self.ends()?;
                } else {
                    self.list()?;
                }
                self.closed()?;
                Some(Kind::Computed)
            }
            Token::Word("case") => {
                while let Some(token) = self.peek() {
                    self.at += 1;
                    if token == Token::Word("end") {
                        self.met.probe = true;
                        return Some(Kind::Computed);
                    }
                }
                None
            }
            Token::Word(word) => self.named(word),
            _ => None,
        }
    }

    /// `)`, or the end of what a comment hides.
    fn closed(&mut self) -> Option<()> {
        match self.peek() {
            Some(Token::Close) => {
                self.at += 1;
                Some(())
            }
            Some(Token::Rest) => Some(()),
            None if self.met.open.is_some() || self.outside => Some(()),
            _ => None,
        }
    }

    fn named(&mut self, word: &'t str) -> Option<Kind<'t>> {
        // `like(…)` and `left(…)` are functions as well.
        let function = matches!(word, "like" | "glob" | "mod" | "insert")
            && self.tokens.get(self.at + 1) == Some(&Token::Open);
        if RESERVED.contains(&word) && !function {
            return None;
        }
        self.at += 1;
        let mut last = word;
        while self.peek() == Some(Token::Op(".")) {
            self.at += 1;
            match self.peek()? {
                Token::Word(next) => last = next,
                Token::Op("*") => {}
                _ => return None,
            }
            self.at += 1;
        }
        if self.peek() == Some(Token::Open) {
            self.at += 1;
            self.met.danger |= DANGER.contains(&last);
            self.met.probe |= PROBES.contains(&last);
            if self.eat(Token::Close).is_some() {
                return Some(Kind::Computed);
            }
            if self.word() == Some("select") {
                self.select()?;
            } else {
                self.list()?;
            }
            self.closed()?;
            return Some(Kind::Computed);
        }
        if matches!(word, "true" | "false" | "null") {
            return Some(Kind::Constant);
        }
        if word.starts_with("@@") || matches!(last, "current_user" | "sysdate" | "session_user") {
            self.met.probe = true;
            return Some(Kind::Computed);
        }
        if matches!(
            word,
            "date" | "time" | "timestamp" | "interval" | "n" | "x" | "b" | "e"
        ) && matches!(self.peek(), Some(Token::Text(..) | Token::Number))
        {
            self.at += 1;
            self.eat_word(&["second", "minute", "hour", "day", "month", "year"]);
            return Some(Kind::Constant);
        }
        Some(Kind::Name(last))
    }

    /// Expressions with commas between, `*`, and words of functions (`as`, `from`, `using`).
    fn list(&mut self) -> Option<()> {
        loop {
            if self.peek() == Some(Token::Op("*")) {
                self.at += 1;
            } else {
                self.expression()?;
            }
            if self.eat_word(&["as", "using", "from", "for", "separator", "in"]) {
                continue;
            }
            if self.eat(Token::Comma).is_none() {
                return Some(());
            }
        }
    }

    pub(super) fn select(&mut self) -> Option<()> {
        self.enter()?;
        self.at += 1;
        self.met.select = true;
        while self.eat_word(&[
            "all",
            "distinct",
            "distinctrow",
            "top",
            "sql_no_cache",
            "straight_join",
        ]) {
            if self.peek() == Some(Token::Number) {
                self.at += 1;
            }
        }
        loop {
            if self.peek() == Some(Token::Op("*")) {
                self.at += 1;
            } else if self.word() == Some("select") {
                return None;
            } else {
                self.expression()?;
            }
            self.alias();
            if self.eat(Token::Comma).is_none() {
                break;
            }
        }
        if self.eat_word(&["into"]) {
            self.eat_word(&["outfile", "dumpfile"]);
            self.operand()?;
        }
        if self.eat_word(&["from"]) {
            loop {
                if self.eat(Token::Open).is_some() {
                    if self.word() == Some("select") {
                        self.select()?;
                    } else {
                        self.operand()?;
                    }
                    self.closed()?;
                } else {
                    if self.operand()? == Kind::Constant {
                        return None;
                    }
                }
                self.alias();
                if self.eat_word(&[
                    "join", "inner", "left", "right", "cross", "natural", "outer",
                ]) {
                    self.eat_word(&["join", "outer"]);
                    self.eat_word(&["join"]);
                    continue;
                }
                if self.eat_word(&["on"]) {
                    self.expression()?;
                }
                if self.eat(Token::Comma).is_none() {
                    break;
                }
            }
        }
        if self.eat_word(&["where"]) {
            self.expression()?;
        }
        self.ends()?;
        if self.word() == Some("union") {
            self.union()?;
        }
        self.depth -= 1;
        Some(())
    }

    fn alias(&mut self) {
        self.alias_name();
        // `t(a text)`: its columns.
        if self.peek() == Some(Token::Open)
            && matches!(
                self.tokens.get(self.at.wrapping_sub(1)),
                Some(Token::Word(_))
            )
        {
            while let Some(token) = self.peek() {
                self.at += 1;
                if token == Token::Close {
                    break;
                }
            }
        }
    }

    fn alias_name(&mut self) {
        if self.eat_word(&["as"]) {
            self.at += 1;
        } else if let Some(word) = self.word()
            && !RESERVED.contains(&word)
            && !matches!(
                word,
                "limit"
                    | "offset"
                    | "procedure"
                    | "join"
                    | "inner"
                    | "left"
                    | "right"
                    | "cross"
                    | "natural"
            )
        {
            self.at += 1;
        } else if matches!(self.peek(), Some(Token::Text(_, _, true))) {
            self.at += 1;
        }
    }

    /// `group by`, `having`, `order by`, `limit` …
    fn ends(&mut self) -> Option<()> {
        loop {
            match self.word() {
                Some("group" | "order") => {
                    self.at += 1;
                    if !self.eat_word(&["by"]) {
                        return None;
                    }
                    self.met.sort = true;
                    loop {
                        self.expression()?;
                        self.eat_word(&["asc", "desc"]);
                        if self.eat(Token::Comma).is_none() {
                            break;
                        }
                    }
                }
                Some("having") => {
                    self.at += 1;
                    self.met.sort = true;
                    self.expression()?;
                }
                Some("limit" | "offset") => {
                    self.at += 1;
                    self.operand()?;
                    if self.eat(Token::Comma).is_some() {
                        self.operand()?;
                    }
                }
                Some("procedure") => {
                    self.at += 1;
                    self.met.danger = true;
                    self.operand()?;
                }
                Some("into") => {
                    self.at += 1;
                    if !self.eat_word(&["outfile", "dumpfile"]) {
                        return None;
                    }
                    self.met.danger = true;
                    self.operand()?;
                    while self.eat_word(&[
                        "lines",
                        "fields",
                        "columns",
                        "terminated",
                        "enclosed",
                        "starting",
                        "by",
                    ]) {
                        if matches!(self.peek(), Some(Token::Text(..) | Token::Number)) {
                            self.at += 1;
                        }
                    }
                }
                Some("for") => {
                    self.at += 1;
                    if !self.eat_word(&["update", "share", "json", "xml"]) {
                        return None;
                    }
                }
                _ => return Some(()),
            }
        }
    }

    fn union(&mut self) -> Option<()> {
        self.at += 1;
        self.eat_word(&["all", "distinct", "distinctrow"]);
        let brackets = self.eat(Token::Open).is_some();
        if self.word() != Some("select") {
            return None;
        }
        self.met.union = true;
        self.select()?;
        if brackets {
            self.closed()?;
        }
        Some(())
    }

    /// What may follow a value in a query.
    pub(super) fn goes_on(&mut self, bare: bool) -> Option<()> {
        loop {
            match self.peek() {
                None => return Some(()),
                Some(Token::Close) => {
                    self.outside = true;
                    self.at += 1;
                }
                Some(Token::Rest) => {
                    self.met.hidden = true;
                    self.at += 1;
                    return Some(());
                }
                // A further value of a list: `x', (select …), now())`.
                Some(Token::Comma) if self.listed => {
                    self.at += 1;
                    self.expression()?;
                }
                Some(Token::Word("where")) => {
                    self.at += 1;
                    self.expression()?;
                }
                Some(Token::Word("from")) if bare => {
                    self.at += 1;
                    self.operand()?;
                    self.alias();
                }
                Some(Token::Word("union")) => self.union()?,
                Some(Token::Word(
                    "group" | "order" | "having" | "limit" | "into" | "procedure" | "for",
                )) => {
                    self.ends()?;
                }
                Some(Token::Semicolon) => {
                    self.at += 1;
                    match self.peek() {
                        None => return Some(()),
                        Some(Token::Rest) => {
                            self.met.hidden = !bare;
                            self.at += 1;
                            return Some(());
                        }
                        _ => self.statement()?,
                    }
                }
                Some(Token::Word("waitfor")) => self.statement()?,
                Some(_) => {
                    let here = self.at;
                    match self.more(Kind::Computed) {
                        Some(Some(_)) if self.at > here => {}
                        _ => return None,
                    }
                }
            }
        }
    }

    /// A statement behind `;`.
    fn statement(&mut self) -> Option<()> {
        let word = self.word()?;
        if word == "select" {
            self.select()?;
            self.met.stacked = true;
            return Some(());
        }
        self.at += 1;
        let good = match word {
            "drop" | "truncate" | "alter" | "create" => self.eat_word(&[
                "table",
                "database",
                "user",
                "schema",
                "view",
                "procedure",
                "function",
                "index",
                "login",
                "or",
                "trigger",
            ]),
            "insert" => self.eat_word(&["into"]),
            "delete" => self.eat_word(&["from"]),
            "update" => {
                self.at += 1;
                self.eat_word(&["set"])
            }
            "waitfor" => self.eat_word(&["delay", "time"]),
            "handler" => {
                self.at += 1;
                self.eat_word(&["open", "read"])
            }
            "prepare" => {
                self.at += 1;
                self.eat_word(&["from", "as"])
            }
            // One calls back, too.
            "call" => {
                self.at += 1;
                self.peek() == Some(Token::Open)
            }
            "exec" | "execute" => matches!(
                self.peek(),
                Some(Token::Word(_) | Token::Open | Token::Text(..))
            ),
            "declare" | "set" => self
                .word()
                .is_some_and(|next| next.starts_with('@') || next == "global"),
            "shutdown" => true,
            "copy" | "load" | "grant" | "attach" | "vacuum" | "begin" | "with" => {
                self.peek().is_some()
            }
            "if" => matches!(self.peek(), Some(Token::Open)),
            _ => false,
        };
        if !good {
            return None;
        }
        self.met.stacked = true;
        self.met.danger |= word == "waitfor";
        // The rest of a statement is read no further than to its end.
        while let Some(token) = self.peek() {
            match token {
                Token::Semicolon | Token::Rest => break,
                Token::Odd => return None,
                _ => self.at += 1,
            }
        }
        Some(())
    }
}
