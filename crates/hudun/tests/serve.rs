//! `hudun serve` where something is wrong around it: each time one clear sentence, and nothing lost.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod served;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use served::{Guard, Served, ended};
use tokio::net::TcpListener;

const NOBODY: &str = "http://127.0.0.1:9";

/// It must end by itself, badly, and say all of this.
fn refuses(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it started: {said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_configuration_with_a_fault_names_file_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to, words) in [
        ("upstream:", "upstraem:", ["hudun.yaml", "upstraem"]),
        (NOBODY, "ftp://x", ["hudun.yaml", "gateway.upstream"]),
        ("listen: 127", "listen: 999", ["hudun.yaml", "listen"]),
        (
            "gateway:",
            "retention: { days: 7 }\ngateway:",
            ["hudun.yaml", "retention.days"],
        ),
        (
            "gateway:",
            "alerts: { mail: [a@b.c] }\ngateway:",
            ["hudun.yaml", "alerts.mail"],
        ),
        (
            "gateway:",
            "affected: { listen: 127.0.0.1:1 }\ngateway:",
            ["hudun.yaml", "affected: needs the smtp"],
        ),
    ] {
        let served = Served::new(folder.path(), NOBODY);
        served.edit(from, to);
        refuses(&served.refused(), &words);
        assert!(
            !folder.path().join("data").exists(),
            "something was made for {to}"
        );
    }
}

#[test]
fn a_profile_with_a_fault_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("mine.yaml");
    std::fs::write(&profile, "format: 1\nproduct: mine\nmodules: nonsense\n").unwrap();
    let served = Served::new(folder.path(), NOBODY);
    let text = std::fs::read_to_string(&served.config).unwrap();
    let line = text.lines().find(|line| line.contains("profile:")).unwrap();
    served.edit(line, &format!("  profile: {}", profile.display()));
    refuses(&served.refused(), &["mine.yaml:3", "expected sequence"]);
    std::fs::remove_file(&profile).unwrap();
    refuses(&served.refused(), &["mine.yaml"]);
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(folder.path(), NOBODY);
    let _taken = TcpListener::bind(served.listen).await.unwrap();
    refuses(
        &served.refused(),
        &[
            "gateway.listen",
            &served.listen.to_string(),
            "another program",
        ],
    );
}

#[tokio::test]
async fn two_processes_on_one_data_folder_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let first = Served::new(folder.path(), NOBODY);
    let mut guard = first.start();
    guard.wait_for_gateway().await;
    // Its own ports, the same folder.
    let second = Served::new(folder.path(), NOBODY);
    refuses(
        &second.refused(),
        &["another hudun process uses the data folder"],
    );
    // The first one works on.
    assert!(tokio::net::TcpStream::connect(first.listen).await.is_ok());
}

#[test]
fn a_data_folder_that_can_not_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(folder.path(), NOBODY);
    let data = folder.path().join("data");
    served.edit(&data.display().to_string(), "/proc/hudun-data");
    refuses(&served.refused(), &["/proc/hudun-data", "writable"]);
}

/// The command in a mount namespace of its own with a small file system at `at`; none where the system forbids it.
fn on_a_small_disk(command: &Command, at: &Path, options: &str) -> Option<Command> {
    let allowed = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .status()
        .is_ok_and(|status| status.success());
    if !allowed {
        eprintln!(
            "skipped: this system does not let a test mount a file system of its own (unshare)"
        );
        return None;
    }
    std::fs::create_dir_all(at).unwrap();
    let mut inside = Command::new("unshare");
    inside
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o \"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"")
        .arg("sh")
        .arg(options)
        .arg(at)
        .arg(command.get_program())
        .args(command.get_args());
    Some(inside)
}

#[test]
fn a_read_only_data_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(folder.path(), NOBODY);
    let data = folder.path().join("data");
    let Some(command) = on_a_small_disk(&served.command(), &data, "ro,size=1m") else {
        return;
    };
    refuses(
        &ended(command),
        &[&data.display().to_string(), "not writable"],
    );
}

/// An answer with a customer, so that it must be accounted for.
async fn upstream() -> String {
    let app = Router::new().route(
        "/api/customer/{id}",
        get(|| async {
            (
                [("content-type", "application/json")],
                r#"{"id":7,"name":"张三","mobile":"13800000007"}"#,
            )
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[tokio::test]
async fn a_full_disk_withholds_what_can_not_be_recorded_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(folder.path(), &upstream().await);
    let data = folder.path().join("data");
    let Some(command) = on_a_small_disk(&served.command(), &data, "size=192m") else {
        return;
    };
    let mut guard = Guard::start(command, served.listen);
    guard.wait_for_gateway().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/customer/7", served.gateway());
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);

    let filler = inside(guard.pid(), &data).join("filler");
    fill(&filler);
    // What fits into room that was set aside may still pass; then nothing does.
    let mut refused = 0;
    for _ in 0..200_000 {
        let answer = client.get(&url).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        if status == 503 {
            assert!(!text.contains("13800000007"), "{text}");
            refused += 1;
            if refused == 20 {
                break;
            }
        } else {
            assert_eq!(status, 200);
        }
    }
    assert_eq!(refused, 20, "a full disk never stopped anything");
    let ready = client
        .get(format!("http://{}/readyz", served.console))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 503);

    std::fs::remove_file(&filler).unwrap();
    let mut recovered = false;
    for _ in 0..100 {
        if client.get(&url).send().await.unwrap().status() == 200 {
            recovered = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(recovered, "room came back, the gateway did not");
    let said = guard.kill();
    assert!(!said.contains("panicked"), "{said}");
}

/// A folder as the process sees it. `unshare` has become the process itself by `exec`.
fn inside(pid: u32, folder: &Path) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{pid}/root"));
    root.join(folder.strip_prefix("/").unwrap())
}

fn fill(file: &Path) {
    let mut filler = std::fs::File::create(file).unwrap();
    for size in [1 << 20, 4096, 1] {
        let piece = vec![0_u8; size];
        while filler.write_all(&piece).is_ok() {}
    }
}

#[tokio::test]
async fn the_public_page_stands_on_an_address_of_its_own_and_is_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(folder.path(), NOBODY);
    let page = served::free_port();
    let part = format!(
        "smtp: {{ host: 127.0.0.1, port: 9, tls: none, from: a@example.cn }}\naffected: {{ listen: {page} }}\ngateway:"
    );
    served.edit("gateway:", &part);
    let mut guard = served.start();
    guard.wait_for_gateway().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |at: &dyn std::fmt::Display, path: &str| {
        let answer = client
            .get(format!("http://{at}{path}"))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, first) = get(&page, "/?lang=en").await;
    assert!(
        status == 200 && first.contains("Was I affected?"),
        "{first}"
    );
    for path in ["/metrics", "/api/incidents", "/readyz", "/api/docs"] {
        assert_eq!(get(&page, path).await.0, 404, "{path}");
    }
    let asked = client
        .post(format!("http://{page}/code"))
        .form(&[("email", "li@example.cn")])
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 200);
    let mut sent = false;
    for _ in 0..100 {
        let (_, text) = get(&served.console, "/metrics").await;
        sent = text.contains("hudun_affected_total{what=\"sent\"} 1");
        if sent {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(sent, "the code never reached the outbox");
    let said = guard.kill();
    assert!(
        !said.contains("panicked") && !said.contains("li@example.cn"),
        "{said}"
    );

    served.edit(&page.to_string(), &served.console.to_string());
    refuses(&served.refused(), &["affected.listen"]);
}

/// A site's detection rules are put in force while it serves; a faulty file changes nothing and is counted.
#[tokio::test]
async fn detection_rules_are_reloaded_and_a_faulty_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    let served = Served::new(folder.path(), &upstream().await);
    let section = format!(
        "monitor:\n  rules: {{ folder: {} }}\nconsole:",
        rules.display()
    );
    served.edit("console:", &section);
    let mut guard = served.start();
    guard.wait_for_gateway().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let counted = async |line: &str| {
        let metrics = format!("http://{}/metrics", served.console);
        for _ in 0..300 {
            let url = format!("{}/api/customer/7", served.gateway());
            assert_eq!(client.get(url).send().await.unwrap().status(), 200);
            let text = client
                .get(&metrics)
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            if text.lines().any(|one| one.starts_with(line)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{line} never came");
    };
    std::fs::write(rules.join("faulty.yml"), "title: Faulty\ndetection: none\n").unwrap();
    counted("hudun_detection_rules_refused_total 1").await;
    std::fs::write(
        rules.join("faulty.yml"),
        "title: Read\nname: site_read\nlogsource: { product: hudun, service: scrm }\n\
         detection:\n  selection: { scrm.module: customers }\n  condition: selection\nlevel: low\n",
    )
    .unwrap();
    counted("hudun_detection_matches_total{rule=\"site.read\"}").await;
    let said = guard.kill();
    assert!(
        said.contains("faulty.yml") && !said.contains("panicked"),
        "{said}"
    );

    std::fs::write(rules.join("faulty.yml"), "title: Faulty\ndetection: none\n").unwrap();
    refuses(&served.refused(), &["faulty.yml"]);
}

/// Correlations of rules that did not change go on over a reload of the others, and over a restart.
#[tokio::test]
async fn what_rules_know_outlives_a_reload_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    let served = Served::new(folder.path(), &upstream().await);
    let section = format!(
        "monitor:\n  rules: {{ folder: {} }}\nconsole:",
        rules.display()
    );
    served.edit("console:", &section);
    std::fs::write(
        rules.join("many.yml"),
        "title: Read\nname: site_read\nlogsource: { product: hudun, service: scrm }\n\
         detection:\n  selection: { scrm.module: customers }\n  condition: selection\nlevel: low\n---\n\
         title: Many\nname: site_many\ncorrelation:\n  type: event_count\n  rules: [site_read]\n\
         \x20 group-by: [src_endpoint.ip]\n  timespan: 1h\n  condition: { gte: 6 }\nlevel: low\n",
    )
    .unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let read = async |times: usize| {
        for _ in 0..times {
            let url = format!("{}/api/customer/7", served.gateway());
            assert_eq!(client.get(url).send().await.unwrap().status(), 200);
        }
    };
    let metrics = async || {
        let url = format!("http://{}/metrics", served.console);
        let answer = client.get(url).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let mut guard = served.start();
    guard.wait_for_gateway().await;
    read(2).await;

    std::fs::write(
        rules.join("other.yml"),
        "title: Other\nname: site_other\nlogsource: { product: hudun, service: scrm }\n\
         detection:\n  selection: { scrm.route: static }\n  condition: selection\nlevel: low\n",
    )
    .unwrap();
    let mut reloaded = false;
    for _ in 0..300 {
        let url = format!("{}/static/app.js", served.gateway());
        client.get(url).send().await.unwrap();
        reloaded = metrics().await.contains("rule=\"site.other\"");
        if reloaded {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(reloaded, "the changed folder was never put in force");
    read(2).await;
    assert!(!metrics().await.contains("rule=\"site.many\""));
    assert!(
        Command::new("kill")
            .args(["-TERM", &guard.pid().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let (good, said) = guard.wait();
    assert!(good, "{said}");

    let mut guard = served.start();
    guard.wait_for_gateway().await;
    read(2).await;
    let mut fired = false;
    for _ in 0..300 {
        fired = metrics().await.contains("rule=\"site.many\"");
        if fired {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        fired,
        "two, two after the reload, two after the restart are six"
    );
    assert!(!guard.kill().contains("panicked"));
}
