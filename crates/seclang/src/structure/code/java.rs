//! Expressions that a Java program would run: look-ups of Log4j, OGNL, SpEL and their like.

use super::{arithmetic, between};
use crate::structure::Weight;
use crate::structure::phrases::phrases;

pub(super) fn assess(text: &str) -> Option<Weight> {
    if text.contains("${") {
        // `${${lower:j}ndi:…}` says jndi in the end; so does `${upper:ı}`, an i without its dot.
        let mut plain = text.replace('ı', "i");
        for _ in 0..40 {
            let Some(end) = plain.find('}') else { break };
            let Some(begin) = plain[..end].rfind("${") else {
                break;
            };
            let inner = plain[begin + 2..end].to_owned();
            if inner.starts_with("jndi:") {
                return Some(Weight::Strong);
            }
            let value = match inner.split_once(":-") {
                Some((_, value)) => value.to_owned(),
                None => match inner.split_once(':') {
                    Some(("lower" | "upper", value)) => value.to_owned(),
                    _ => String::from("?"),
                },
            };
            plain.replace_range(begin..=end, &value);
            if plain.contains("${jndi:") {
                return Some(Weight::Strong);
            }
        }
        if plain.contains("jndi:ldap") || plain.contains("jndi:rmi") || plain.contains("jndi:dns") {
            return Some(Weight::Strong);
        }
        let looks = [
            "env:", "sys:", "java:", "ctx:", "script:", "url:", "dns:", "base64:",
        ];
        if between(text, "${", "}")
            .iter()
            .any(|inner| looks.iter().any(|look| inner.starts_with(look)))
        {
            return Some(Weight::Strong);
        }
    }
    let names = phrases![
        "java.lang.runtime",
        "java.lang.processbuilder",
        "java.lang.processimpl",
        "java.net.urlclassloader",
        "javax.script.scriptengine",
        "java.lang.system",
        "ognl.ognlcontext",
        "#_memberaccess",
        "#context[",
        "xwork.methodaccessor",
        "@java.lang",
        "org.apache.commons.collections.functors",
        "com.sun.org.apache.xalan",
        "com.sun.rowset.jdbcrowsetimpl",
        "org.springframework.context.support.classpathxml",
        "java.beans.eventhandler",
        "javax.naming.initialcontext",
        "org.mvel2",
        "t(java.lang",
        "t (java.lang",
        "t(java.io",
        "t(java.nio",
        "t(javax.",
        "com.sun.security.auth.module.jndiloginmodule",
        "bsh.interpreter",
        "groovy.lang",
        "org.codehaus.groovy",
        "class.module.classloader",
        "class.classloader.",
        "class['classloader']",
    ];
    if phrases![
        "class.module.classloader",
        "$$bcel$$",
        "\".execute()",
        "'.execute()",
        "runtime.getruntime()",
        "runscript from",
        "init=create alias",
    ]
    .stand_in(text)
        && !text.contains("\tat ")
    {
        return Some(Weight::Strong);
    }
    // `java.lang.RuntimeException` is another class.
    let named = names.places(text).any(|(begin, end)| {
        let after = text[end..].chars().next();
        !text[begin..end].ends_with(|c: char| c.is_ascii_alphanumeric())
            || !after.is_some_and(|c| c.is_ascii_alphabetic())
    });
    let runs = phrases![
        "getruntime",
        ".exec(",
        "exec(",
        "newinstance",
        "forname",
        "start()",
        "#{",
        "${",
        "%{",
        "=",
        "@type",
        "<java",
        "new ",
        "t(",
        "!!",
        "\"class\"",
        "<void",
        "<object",
        "eval(",
    ]
    .stand_in(text);
    // The trace of an error names classes, too, with a line number behind.
    let trace = text.contains("\tat ")
        || text.contains(" at java.")
        || text.contains(".java:")
        || text.contains("caused by:");
    if named && runs {
        return Some(if trace && !text.contains("getruntime") {
            Weight::Weak
        } else {
            Weight::Strong
        });
    }
    let ognl = between(text, "%{", "}")
        .iter()
        .any(|inner| inner.contains('(') && inner.contains(['#', '@']) || arithmetic(inner))
        || text.contains("(#") && text.contains("=@");
    if ognl {
        return Some(Weight::Strong);
    }
    named.then_some(Weight::Weak)
}
