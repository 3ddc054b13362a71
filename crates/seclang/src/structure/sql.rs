//! Whether a text is a working piece of SQL where a query expects a value.
//!
//! Three contexts are tried: the value stands bare (`WHERE id = …`), in single quotes, in double quotes. In quotes the text
//! must close them and go on as SQL; a name such as `O'Brien or 'Bob'` closes a quote and goes on as nothing. The grammar
//! is the part that dialects share, read tolerantly; what it finds on the way decides.

use super::{Finding, Weight};

/// Longest text that is parsed, in tokens.
const MOST_TOKENS: usize = 400;
/// Deepest nesting.
const MOST_DEPTH: usize = 24;

/// The gravest reading of a text (in small letters) as SQL.
pub(super) fn assess(text: &str) -> Option<Finding> {
    let bytes = text.as_bytes();
    let mut best: Option<Weight> = None;
    if let Some(weight) = context(text, None) {
        best = best.max(Some(weight));
    }
    for quote in [b'\'', b'"', b'`'] {
        // Each of the first quotes may be the one that closes.
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
            if let Some(weight) = context(&text[at + 1..], Some(quote)) {
                best = best.max(Some(weight));
            }
        }
    }
    best.map(|weight| Finding {
        class: "sqli",
        weight,
        what: "a working piece of SQL",
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'t> {
    Number,
    /// A string, and whether it is closed.
    Text(&'t str, u8, bool),
    Word(&'t str),
    Op(&'t str),
    Open,
    Close,
    Comma,
    Semicolon,
    /// A comment that hides the rest.
    Rest,
    Odd,
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if out.len() > MOST_TOKENS {
            return None;
        }
        let byte = bytes[at];
        let rest = &text[at..];
        if byte.is_ascii_whitespace() || byte == 0x0b || byte == 0 {
            at += 1;
        } else if rest.starts_with('\u{a0}') || rest.starts_with('\u{3000}') {
            at += rest.chars().next().map_or(1, char::len_utf8);
        } else if rest.starts_with("/*!") {
            at += 3;
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                at += 1;
            }
        } else if rest.starts_with("*/") {
            at += 2;
        } else if let Some(inner) = rest.strip_prefix("/*") {
            match inner.find("*/") {
                Some(end) => at += end + 4,
                None => {
                    out.push(Token::Rest);
                    break;
                }
            }
        } else if rest.starts_with("--") || byte == b'#' || rest.starts_with(";%00") {
            // A line comment: hides the rest of the line; what follows on the next counts.
            out.push(Token::Rest);
            match rest.find('\n') {
                Some(end) if rest[end..].trim().len() > 1 => {
                    out.pop();
                    at += end;
                }
                _ => break,
            }
        } else if matches!(byte, b'\'' | b'"' | b'`') {
            let mut end = at + 1;
            loop {
                match bytes.get(end) {
                    None => break,
                    Some(b'\\') if byte != b'`' => end += 2,
                    Some(next) if *next == byte => {
                        if bytes.get(end + 1) == Some(&byte) {
                            end += 2;
                        } else {
                            break;
                        }
                    }
                    Some(_) => end += 1,
                }
            }
            let closed = end < bytes.len();
            let stop = end.min(bytes.len());
            let inner = text.get(at + 1..stop).unwrap_or_default();
            if byte == b'`' && closed {
                out.push(Token::Word("`"));
            } else {
                out.push(Token::Text(inner, byte, closed));
            }
            at = end + 1;
        } else if byte.is_ascii_digit()
            || (byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
        {
            let from = at;
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'.') {
                // `1e0union` is 1e0 and union to MySQL.
                if bytes[at].is_ascii_alphabetic() {
                    let tail = &text[at..];
                    let hex = text[from..at].starts_with('0')
                        && (at == from + 1 || text[from..].starts_with("0x"));
                    let exponent =
                        bytes[at] == b'e' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
                    if !hex && !exponent {
                        let word: String =
                            tail.chars().take_while(char::is_ascii_alphabetic).collect();
                        if !matches!(
                            word.as_str(),
                            "union" | "and" | "or" | "div" | "xor" | "like" | "order"
                        ) {
                            // Letters and digits mixed: an identifier or nothing.
                            while at < bytes.len()
                                && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_')
                            {
                                at += 1;
                            }
                            out.push(Token::Odd);
                        }
                        break;
                    }
                }
                at += 1;
            }
            if out.last() != Some(&Token::Odd) || at == from {
                out.push(Token::Number);
            }
            if at == from {
                at += 1;
            }
        } else if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'@' | b'$') {
            let from = at;
            while at < bytes.len()
                && (bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'_' | b'@' | b'$'))
            {
                at += 1;
            }
            out.push(Token::Word(&text[from..at]));
        } else if byte >= 0x80 {
            let len = rest.chars().next().map_or(1, char::len_utf8);
            at += len;
            if out.last() != Some(&Token::Odd) {
                out.push(Token::Odd);
            }
        } else {
            let three = rest.get(..3).unwrap_or_default();
            let two = rest.get(..2).unwrap_or_default();
            let op = if three == "<=>" {
                three
            } else if matches!(
                two,
                "<>" | "!="
                    | "<="
                    | ">="
                    | "||"
                    | "&&"
                    | "<<"
                    | ">>"
                    | "=="
                    | "::"
                    | ":="
                    | "!~"
                    | "~*"
            ) {
                two
            } else {
                &rest[..1]
            };
            at += op.len();
            out.push(match op {
                "(" => Token::Open,
                ")" => Token::Close,
                "," => Token::Comma,
                ";" => Token::Semicolon,
                "=" | "<" | ">" | "+" | "-" | "*" | "/" | "%" | "|" | "&" | "^" | "~" | "!"
                | "." | "<=>" | "<>" | "!=" | "<=" | ">=" | "||" | "&&" | "<<" | ">>" | "=="
                | "::" | ":=" | "!~" | "~*" => Token::Op(op),
                _ => Token::Odd,
            });
        }
    }
    Some(out)
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
    met: Met,
}

fn context(text: &str, quote: Option<u8>) -> Option<Weight> {
    let list = tokens(text)?;
    if list.is_empty() {
        return None;
    }
    let mut parser = Parser {
        tokens: &list,
        at: 0,
        depth: 0,
        outside: false,
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
        parser.expression()?;
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
            || (first_number && met.hidden && list.len() == 2);
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
        || (met.hidden && (met.comparison || met.sort || parser.at == began + 1))
        || (met.probe && synced);
    let weak = met.logic > 0 || met.comparison || met.arithmetic || met.hidden;
    strong
        .then_some(Weight::Strong)
        .or_else(|| (weak && synced).then_some(Weight::Weak))
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
            Token::Text(_, quote, closed) => {
                self.at += 1;
                if !closed {
                    if self.at < self.tokens.len() {
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
        if RESERVED.contains(&word) {
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
        self.eat_word(&["all", "distinct"]);
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
            "exec" | "execute" | "call" => matches!(
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

/// Words that no operand begins with.
const RESERVED: [&str; 46] = [
    "select",
    "union",
    "from",
    "where",
    "and",
    "or",
    "xor",
    "group",
    "order",
    "by",
    "having",
    "into",
    "insert",
    "update",
    "delete",
    "drop",
    "create",
    "alter",
    "truncate",
    "as",
    "on",
    "join",
    "like",
    "rlike",
    "regexp",
    "between",
    "in",
    "is",
    "then",
    "else",
    "end",
    "when",
    "values",
    "set",
    "desc",
    "asc",
    "procedure",
    "for",
    "limit",
    "waitfor",
    "div",
    "mod",
    "escape",
    "using",
    "collate",
    "with",
];

/// Functions that no honest value calls.
const DANGER: [&str; 36] = [
    "sleep",
    "pg_sleep",
    "benchmark",
    "load_file",
    "extractvalue",
    "updatexml",
    "xp_cmdshell",
    "sys_eval",
    "sys_exec",
    "receive_message",
    "get_host_address",
    "randomblob",
    "load_extension",
    "xmltype",
    "drithsx",
    "sn",
    "name_const",
    "gtid_subset",
    "gtid_subtract",
    "geometrycollection",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "linestring",
    "polygon",
    "xp_dirtree",
    "xp_fileexist",
    "openrowset",
    "dblink",
    "lo_import",
    "lo_export",
    "pg_read_file",
    "query_to_xml",
    "database_to_xml",
    "row_count_to_xml",
    "generate_series",
];

/// Functions that attacks ask with.
const PROBES: [&str; 34] = [
    "ascii",
    "substr",
    "substring",
    "mid",
    "ord",
    "char",
    "chr",
    "nchar",
    "concat",
    "concat_ws",
    "group_concat",
    "hex",
    "unhex",
    "version",
    "database",
    "user",
    "schema",
    "current_user",
    "session_user",
    "system_user",
    "length",
    "if",
    "iif",
    "elt",
    "make_set",
    "cast",
    "convert",
    "rand",
    "floor",
    "exp",
    "bin",
    "md5",
    "left",
    "right",
];

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
        ] {
            if weight(text) == Some(Weight::Strong) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
