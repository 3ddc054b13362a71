//! Seeds and serves the SCRM: `cargo run -p hudun-scrm --example serve -- DIR [PORT] [--vulnerable]`.

use std::{error::Error, time::Instant};

use hudun_scrm::{Config, Scrm, seed::SeedPlan};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut plain = arguments.iter().filter(|a| !a.starts_with("--"));
    let mut config = Config::new(plain.next().ok_or("name a data folder")?);
    let port = plain.next().map_or(Ok(8069), |p| p.parse::<u16>())?;
    config.vulnerable = arguments.iter().any(|a| a == "--vulnerable");
    let plan = SeedPlan::default();
    let staff = plan.demo_staff();
    config.seed = Some(plan);
    let start = Instant::now();
    let scrm = Scrm::open_with_progress(config, |p| {
        eprintln!("{:6.2?} {} {}/{}", start.elapsed(), p.what, p.done, p.of)
    })
    .await?;
    println!("opened in {:.2?}", start.elapsed());
    for person in staff.iter().take(16) {
        println!("{:?} {} {}", person.role, person.account, person.password);
    }
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    scrm.serve(listener, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(())
}
