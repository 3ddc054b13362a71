//! What an XML document would make its reader do: fetch, unfold entities, make objects.

use super::between;
use crate::structure::phrases::phrases;
use crate::structure::{Finding, Weight};

/// What the head and the tags of an XML document would make its reader do.
pub(in crate::structure) fn in_document(text: &str) -> Option<Finding> {
    let runs = phrases![
        "xml.apache.org/xalan/java",
        "msxsl:script",
        "php:function",
        "java.beans.xmldecoder",
        "java.beans.eventhandler",
        "java.lang.processbuilder",
        "java.lang.runtime\"",
        "jdk.nashorn.internal",
        "com.sun.xml.internal",
        "com.sun.jndi",
        "com.sun.org.apache",
        "sun.rmi.registry",
        "javax.naming.ldap",
        "org.apache.commons.collections",
        "javax.imageio.imageio$containsfilter",
        "system.windows.data.objectdataprovider",
    ]
    .stand_in(text);
    let finding = |class, what| {
        Some(Finding {
            class,
            weight: Weight::Strong,
            what,
        })
    };
    if runs {
        return finding(
            "deserialisation",
            "an object that would run code when it is read",
        );
    }
    if text.contains("<?xml-stylesheet")
        && between(text, "<?xml-stylesheet", "?>")
            .iter()
            .any(|inner| inner.contains("data:") || inner.contains("://"))
    {
        return finding("xss", "a style sheet from elsewhere that a page would run");
    }
    if entity(text) == Some(Weight::Strong) {
        return finding("lfi", "an XML entity that reads elsewhere");
    }
    None
}

pub(super) fn entity(text: &str) -> Option<Weight> {
    let declared = text.contains("<!entity")
        && (text.contains("system") || text.contains("public") || text.contains('%'));
    // Entities made of entities: a bomb.
    let nested = text.matches("<!entity").take(3).count() == 3 && text.matches(";&").count() >= 4;
    // A document type from elsewhere; those of pages and drawings are known.
    let outside = text.find("<!doctype").is_some_and(|at| {
        let head = &text[at..at + text[at..].find(['>', '[']).unwrap_or(text.len() - at)];
        let stranger = ["php://", "file://", "expect://"]
            .iter()
            .any(|scheme| head.contains(scheme));
        stranger
            || head.contains(" system ")
                && !["about:", "w3.org", "svg", "<!doctype html"]
                    .iter()
                    .any(|known| head.contains(known))
    });
    let declared = declared || outside || nested;
    let doctype = text.contains("<!doctype") && text.contains("[") && text.contains("<!");
    if declared || text.contains("<xi:include") && text.contains("href") {
        return Some(Weight::Strong);
    }
    (doctype && text.contains("<!element")).then_some(Weight::Weak)
}
