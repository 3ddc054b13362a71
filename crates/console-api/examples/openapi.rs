//! Prints the OpenAPI document: `cargo run -p hudun-console-api --example openapi > openapi.json`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", hudun_console_api::openapi().to_pretty_json()?);
    Ok(())
}
