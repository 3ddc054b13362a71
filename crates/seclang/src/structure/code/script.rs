//! Scripts of servers: Node, Python, Ruby, Lua, ASP.

use crate::structure::Weight;
use crate::structure::phrases::phrases;

pub(super) fn assess(text: &str) -> Option<Weight> {
    let sure = phrases![
        "require('child_process')",
        "require(\"child_process\")",
        "require(`child_process`)",
        "process.mainmodule",
        "global.process",
        "child_process').exec",
        "constructor.constructor(",
        "['constructor']['constructor']",
        "this.constructor.constructor",
        "__import__('os')",
        "__import__(\"os\")",
        "os.system(",
        "os.popen(",
        "subprocess.popen(",
        "subprocess.check_output(",
        "subprocess.call(",
        "io.popen(",
        "kernel.exec",
        "%x(",
        "process.binding(",
    ];
    if sure.stand_in(text) {
        return Some(Weight::Strong);
    }
    if text.contains("__proto__")
        || text.contains("constructor.prototype")
        || text.contains("constructor[prototype]")
    {
        return Some(Weight::Strong);
    }
    let hidden = ["server.scripttimeout", "on error resume next"]
        .iter()
        .any(|way| text.contains(way))
        && text.contains("cute(");
    if super::store::document_query(text) || hidden || waits(text) {
        return Some(Weight::Strong);
    }
    None
}

/// A loop that burns time until a clock says so.
fn waits(text: &str) -> bool {
    text.contains("new date(") && text.contains("while(") && text.contains("do{")
        || text.contains("new date(") && text.contains("while(") && text.contains("do {")
}
