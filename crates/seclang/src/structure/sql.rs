//! Whether a text is a working piece of SQL where a query expects a value.
//!
//! Three contexts are tried: the value stands bare (`WHERE id = …`), in single quotes, in double quotes. In quotes the text
//! must close them and go on as SQL; a name such as `O'Brien or 'Bob'` closes a quote and goes on as nothing. The grammar
//! is the part that dialects share, read tolerantly; what it finds on the way decides.

mod parser;
mod tokens;
mod whole;
mod words;

use parser::{Met, Parser};
use tokens::{Token, tokens};
use whole::{conditional, statement, subquery, unconditional};

use super::{Finding, Weight};

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
