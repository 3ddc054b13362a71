//! `serve` and `demo`: the commands that keep running.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::cli::DemoArgs;
use crate::config::Config;
use crate::demo::{Demo, DemoOptions, Watchers, headless};
use crate::system::{Extras, System};

pub(super) fn serve(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
    log(true);
    runtime()?.block_on(async {
        let system = System::start(config, Extras::default()).await?;
        if let Some(affected) = system.affected_address {
            tracing::info!(%affected, "the public page for affected persons is open");
        }
        tracing::info!(gateway = %system.gateway_address, console = %system.console_address, "hudun is on guard");
        if system.accounts.list().await?.is_empty() {
            first_account(&system).await?;
        }
        until_told().await?;
        system.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// A new installation has nobody who could log in: one account, its password for one use.
async fn first_account(system: &System) -> anyhow::Result<()> {
    use hudun_console::OpenAccount;
    use hudun_console::api::Role;

    let password = system
        .accounts
        .open(OpenAccount {
            account: "admin".to_owned(),
            name: "admin".to_owned(),
            roles: vec![Role::Commander, Role::Admin],
            password: None,
            must_change: true,
            totp_secret: None,
        })
        .await?;
    println!(
        "First log-in: account admin, password {password} (for one use; you will be asked for a new one)"
    );
    Ok(())
}

pub(super) fn demo(args: DemoArgs) -> anyhow::Result<ExitCode> {
    log(false);
    let options = DemoOptions {
        data: args.data,
        port: args.port,
        auto: args.auto || args.headless,
        seed: args.seed,
        customers: args.customers,
        headless: args.headless,
        watchers: match (args.behaviour_alone, args.rules_alone) {
            (true, _) => Watchers::BehaviourAlone,
            (_, true) => Watchers::RulesAlone,
            _ => Watchers::All,
        },
    };
    runtime()?.block_on(async {
        let began = Instant::now();
        let demo = Demo::start(options, |line| eprint!("\r\x1b[K{line}")).await?;
        eprintln!("\r\x1b[Kstarted in {:.1} s", began.elapsed().as_secs_f64());
        if !args.headless {
            tell(&demo);
            until_told().await?;
            eprintln!("stopping; open requests finish first …");
            demo.stop().await?;
            return Ok(ExitCode::SUCCESS);
        }
        let report = headless::run(&demo, args.seeds).await;
        demo.stop().await?;
        let report = report?;
        let text = serde_json::to_string_pretty(&report)?;
        match &args.report {
            Some(file) => std::fs::write(file, text).with_context(|| file.display().to_string())?,
            None => println!("{text}"),
        }
        Ok(if report.passed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    })
}

fn tell(demo: &Demo) {
    println!();
    println!("  护盾 Hudun demo — 演示用的客户全部是合成数据 / all customers are synthetic");
    println!();
    println!("  控制台 console        {}", demo.console_url());
    println!("  SCRM (经网关 guarded)  {}", demo.scrm_url());
    if let Some(page) = demo.affected_url() {
        println!("  受影响查询 affected?   {page}");
    }
    println!("  邮件 mail             {}", demo.mail_folder().display());
    println!(
        "  本 SCRM 故意带有漏洞，仅供演练 / this SCRM has holes on purpose (--vulnerable), for drills only"
    );
    println!();
    if demo.passwords().is_empty() {
        println!("  账号沿用上次的密码 / accounts keep the passwords of the first start");
    } else {
        println!("  一次性密码，首次登录时更改 / one-time passwords, changed at the first log-in:");
        for (account, password) in demo.passwords() {
            println!("    {account:<10} {password}");
        }
        println!("  先用 commander 登录；需要第二人批准时用 legal 或 security");
        println!(
            "  Log in as commander; where a second person must approve, use legal or security."
        );
    }
    println!();
    println!(
        "  演练 drill: 控制台上的按钮，或在另一个终端 / the button in the console, or in a second terminal:"
    );
    println!("    hudun drill run stolen-account");
    println!("  Ctrl-C 停止 / stops");
    println!();
}

/// Waits for Ctrl-C or a polite kill.
async fn until_told() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime")
}

/// Logs go to standard error: as JSON for machines, as lines for people. `RUST_LOG` says how much.
fn log(json: bool) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,hudun=info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        lines.json().init()
    } else {
        lines.init()
    }
}
