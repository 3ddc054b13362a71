//! Loads rule files and tells what is wrong with them, or how they were compiled.
//!
//! `cargo run -p hudun-seclang --example check -- FILE_OR_PATTERN…`

use hudun_seclang::RuleSet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = RuleSet::builder();
    for pattern in std::env::args().skip(1) {
        builder = builder.glob(pattern);
    }
    let rules = builder.build()?;
    for warning in rules.warnings() {
        println!("warning: {warning}");
    }
    println!("{} rules", rules.len());
    for group in rules.plan_summary() {
        println!("{group:?}");
    }
    Ok(())
}
