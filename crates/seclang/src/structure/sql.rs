//! Whether a text is a working piece of SQL where a query expects a value.
//!
//! Three contexts are tried: the value stands bare (`WHERE id = …`), in single quotes, in double quotes. In quotes the text
//! must close them and go on as SQL; a name such as `O'Brien or 'Bob'` closes a quote and goes on as nothing. The grammar
//! is the part that dialects share, read tolerantly; what it finds on the way decides.

mod tokens;
mod words;

use tokens::{Token, tokens};
use words::{DANGER, PROBES, RESERVED, STATEMENTS, TELLING};

use super::{Finding, Weight};

/// Deepest nesting.
const MOST_DEPTH: usize = 24;

/// The gravest reading of a text (in small letters) as SQL.
pub(super) fn assess(text: &str) -> Option<Finding> {
    let mut best = contexts(text);
    if best < Some(Weight::Strong) && text.contains("/*!") {
        // What stands in `/*!…*/` counts for one server and is nothing for another.
        best = best
            .max(conditional(text))
            .max(contexts(&unconditional(text)));
    }
    if best < Some(Weight::Strong) {
        best = best.max(statement(text)).max(subquery(text));
    }
    best.map(|weight| Finding {
        class: "sqli",
        weight,
        what: "a working piece of SQL",
    })
}

/// `/*!50000union*/`: nobody but an attacker hides these.
fn conditional(text: &str) -> Option<Weight> {
    text.match_indices("/*!")
        .any(|(at, _)| {
            let inner = text[at + 3..].trim_start_matches(|c: char| c.is_ascii_digit());
            ["union", "select", "and ", "or ", "sleep", "concat"]
                .iter()
                .any(|word| inner.starts_with(word))
        })
        .then_some(Weight::Strong)
}

/// `amount desc, (select * from (select sleep(4)) x)`: a query in brackets where a name or a list was expected.
fn subquery(text: &str) -> Option<Weight> {
    if super::wide(text) || text.len() > 600 || super::words(text.split('(').next()?) > 4 {
        return None;
    }
    // A whole statement may hold others; a report that someone writes does.
    let begin = text.trim_start();
    let whole = STATEMENTS.iter().chain(&["with"]).any(|verb| {
        begin
            .strip_prefix(verb)
            .is_some_and(|rest| rest.starts_with(char::is_whitespace))
    });
    if whole {
        return None;
    }
    let list = tokens(text)?;
    for at in 0..list.len() {
        if list[at] != Token::Open || list.get(at + 1) != Some(&Token::Word("select")) {
            continue;
        }
        let mut parser = Parser {
            tokens: &list,
            at: at + 1,
            depth: 0,
            outside: false,
            listed: false,
            met: Met::default(),
        };
        let from = list[at..].contains(&Token::Word("from"));
        if parser.select().is_some()
            && parser.peek() == Some(Token::Close)
            && (from || parser.met.danger || parser.met.probe)
        {
            return Some(Weight::Strong);
        }
    }
    None
}

fn unconditional(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/*!") {
        out.push_str(&rest[..at]);
        rest = rest[at..]
            .find("*/")
            .map_or("", |end| &rest[at + end + 2..]);
    }
    out + rest
}

/// A whole statement that asks or does what no application's own does.
fn statement(text: &str) -> Option<Weight> {
    if text.contains("procedure analyse(") {
        return Some(Weight::Strong);
    }
    let mut begin = text;
    loop {
        begin = begin.trim_start_matches(|c: char| {
            c.is_whitespace() || c.is_ascii_digit() || "('\";)".contains(c)
        });
        match begin
            .strip_prefix("/*")
            .and_then(|rest| rest.split_once("*/"))
        {
            Some((_, behind)) => begin = behind,
            None => break,
        }
    }
    let verb = STATEMENTS.iter().any(|verb| {
        begin.strip_prefix(verb).is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | '/' | '*' | '@'))
        })
    });
    if !verb || super::wide(text) {
        return None;
    }
    let sure = text.contains("waitfor delay") || TELLING.iter().any(|piece| text.contains(piece));
    (sure && tokens(text).is_some()).then_some(Weight::Strong)
}

fn contexts(text: &str) -> Option<Weight> {
    let bytes = text.as_bytes();
    let mut best: Option<Weight> = None;
    if let Some(weight) = context(text, None, "") {
        best = best.max(Some(weight));
    }
    for quote in [b'\'', b'"', b'`'] {
        // Each of the first quotes may be the one that closes. Where a sentence or an earlier quote stands before it, a mere
        // comment behind is a dash or a number sign of prose.
        let closing = bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == quote)
            .map(|(at, _)| at)
            .take(3);
        for at in closing {
            if at > 0 && bytes[at - 1] == b'\\' && quote != b'`' {
                continue;
            }
            if let Some(weight) = context(&text[at + 1..], Some(quote), &text[..at]) {
                best = best.max(Some(weight));
            }
        }
    }
    best
}

/// What a parse met.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    logic: u8,
    constant_comparison: bool,
    comparison: bool,
    danger: bool,
    probe: bool,
    select: bool,
    union: bool,
    stacked: bool,
    hidden: bool,
    sort: bool,
    open: Option<u8>,
    arithmetic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind<'t> {
    Constant,
    Name(&'t str),
    Computed,
}

struct Parser<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    depth: usize,
    /// A bracket of the query was closed: its own closing bracket comes behind the value.
    outside: bool,
    /// The value may be one of several, so that further ones follow behind a comma.
    listed: bool,
    met: Met,
}

/// `front` is what stands before the quote.
fn context(text: &str, quote: Option<u8>, front: &str) -> Option<Weight> {
    let first = quote.is_some_and(|quote| !front.contains(quote as char));
    // Behind a bracket or a comma a quote opens; behind a word it closes.
    let opens = front.chars().next_back().is_some_and(|c| {
        c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, ')' | '%' | '\\')
    });
    let said = !first || opens || front.trim().contains(' ') || front.len() > 40;
    let list = tokens(text)?;
    if list.is_empty() {
        return None;
    }
    let mut parser = Parser {
        tokens: &list,
        at: 0,
        depth: 0,
        outside: false,
        listed: first,
        met: Met::default(),
    };
    let bare = quote.is_none();
    let first_number = matches!(list[0], Token::Number)
        || matches!(
            (list[0], list.get(1)),
            (Token::Op("-"), Some(Token::Number))
        );
    if bare {
        // The value itself is an operand first. `1) or (1=1` closes the query's own bracket.
        // What begins with `or 1=1` goes on from a value that a backslash has opened before.
        let goes_on = matches!(
            list[0],
            Token::Word("or" | "and" | "xor" | "union") | Token::Op("||" | "&&")
        );
        if !goes_on {
            parser.expression()?;
            while parser.eat(Token::Comma).is_some() {
                parser.expression()?;
            }
        }
    }
    let began = parser.at;
    if !bare && matches!(parser.peek(), Some(Token::Text(..) | Token::Number)) {
        return None;
    }
    parser.goes_on(bare)?;
    if parser.at < list.len() {
        return None;
    }
    if !bare && parser.at == began {
        return None;
    }
    let met = parser.met;
    let known = met.constant_comparison || met.danger || met.probe || met.select;
    let synced = met.open == quote || met.hidden;
    if bare {
        let single = list.len() == 1;
        let strong = met.union
            || (met.stacked && first_number)
            || (met.logic > 0 && (known || met.comparison && met.hidden))
            || met.danger
            || (met.select && first_number)
            || (met.select && list.first() == Some(&Token::Open))
            || (met.sort && met.hidden)
            || (first_number && list.len() == 2 && ends_in_comment(text));
        let weak = met.select
            || met.stacked
            || (met.logic > 0 && met.comparison)
            || met.constant_comparison
            || met.sort
            || (met.probe && !single);
        return strong
            .then_some(Weight::Strong)
            .or_else(|| weak.then_some(Weight::Weak));
    }
    let strong = met.union
        || met.stacked
        || met.danger
        || met.select
        || (met.logic > 0 && (known || (met.comparison && synced) || met.hidden))
        || (met.hidden && (met.comparison || met.sort || parser.at == began + 1 && !said))
        || (met.probe && synced);
    let weak = met.logic > 0 || met.comparison || met.arithmetic || met.hidden;
    strong
        .then_some(Weight::Strong)
        .or_else(|| (weak && synced).then_some(Weight::Weak))
}

/// `1-- -`, `1#`: a comment that hides the query's rest and says nothing itself. `1#web#2` is a name with a mark in it.
fn ends_in_comment(text: &str) -> bool {
    ["--", "#", "/*"]
        .iter()
        .filter_map(|mark| text.split_once(mark))
        .any(|(_, said)| said.trim_matches([' ', '-', '\t']).len() <= 1)
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn word(&self) -> Option<&'t str> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn eat(&mut self, token: Token<'_>) -> Option<()> {
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
    fn expression(&mut self) -> Option<Kind<'t>> {
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

    fn select(&mut self) -> Option<()> {
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
    fn goes_on(&mut self, bare: bool) -> Option<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(text: &str) -> Option<Weight> {
        assess(&text.to_lowercase()).map(|found| found.weight)
    }

    #[test]
    fn what_a_query_would_run_is_found() {
        let mut wrong = Vec::new();
        for text in [
            "1' or '1'='1",
            "1 or 1=1",
            "1) or (1=1",
            "admin'--",
            "admin' #",
            "' or 1=1-- -",
            "\" or \"a\"=\"a",
            "1 union select username, password from users--",
            "-1' union all select null,null,concat(user(),0x3a,version())#",
            "1;drop table customers",
            "x'; exec xp_cmdshell('dir'); --",
            "1 and sleep(5)",
            "1' and (select count(*) from information_schema.tables)>0 and 'a'='a",
            "(select(0)from(select(sleep(15)))v)",
            "if(now()=sysdate(),sleep(15),0)",
            "1/**/and/**/1=1",
            "1' order by 10-- -",
            "1 and ascii(substr(database(),1,1))>64",
            "1'||(select 1 from dual)||'",
            "1' waitfor delay '0:0:5'--",
            "1 /*!50000union*/ /*!50000select*/ 1,2,3",
            "a' and extractvalue(1,concat(0x7e,version())) and '1'='1",
            "1 or a=a",
            "1'and'1'='1",
            "select * from all_tables",
            "waitfor delay '0:0:10'",
            "select case when (1=1) then to_char(1/0) else null end from dual",
            "amount desc, (select * from (select sleep(4)) x)",
            "1,2) union select id, mobile from secrets where (1=1",
            "done',(select password from sys_user limit 1),now())-- ",
            "done', remark=(select group_concat(a) from t) where id=7#",
            "sum(amount) from orders union select host from mysql.user--",
            " or 1=1 order by 7#",
            "1.e(1)or 1.e(1)=1.e(1)union select 1,2",
            "-1 /*!union*/ /*!select*/ 1,2",
            "'|/**/|(select 1 from t)|/**/|'",
            "0' or (select 1,2)<=(table sys_user limit 1)#",
        ] {
            if weight(text) != Some(Weight::Strong) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_no_query_would_run_is_not() {
        let mut wrong = Vec::new();
        for text in [
            "o'brien",
            "o'brien or 'bob'",
            "it's good and that's fine",
            "'tom' and 'jerry'",
            "select the best option from our catalogue",
            "select * from orders where id=1",
            "union station; select any exit",
            "please call back; update me when done",
            "rock 'n' roll",
            "5' - 6' tall",
            "a-1",
            "2026-07-01",
            "#20260701-0032",
            "he said: \"i'll call\" - not sure",
            "drop table 5 please",
            "c# or java",
            "价格 > 100 and 库存 < 5",
            "1#web-monitor#1688379464539#7bj9",
            "prefers \"whatsapp\" -- see the ticket",
            "he said: \"i'll pay\"; call back",
            "notify('#vip', `new order`)",
            "0.0%;[red]-0.0%;\"--\"",
            "title:(\"union select\" or sql) and -status:closed",
            "select name, phone from members where city = 'x'",
        ] {
            if weight(text) == Some(Weight::Strong) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
