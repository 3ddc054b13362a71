//! `hudun serve` as a process of its own, on a folder of its own.
#![allow(dead_code, unreachable_pub)]

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a start or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration, and the ports it names.
pub struct Served {
    pub config: PathBuf,
    pub listen: SocketAddr,
    pub console: SocketAddr,
}

impl Served {
    /// Before the SCRM at `upstream`, with the profile of the bundled one; everything is kept in `folder`.
    pub fn new(folder: &Path, upstream: &str) -> Self {
        let (listen, console) = (free_port(), free_port());
        let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles/hudun-scrm.yaml");
        let text = format!(
            "data: {}\ngateway:\n  listen: {listen}\n  upstream: {upstream}\n  profile: {}\nconsole:\n  listen: {console}\n  secure_cookie: false\n",
            folder.join("data").display(),
            profile.display(),
        );
        let config = folder.join("hudun.yaml");
        std::fs::write(&config, text).unwrap();
        Self {
            config,
            listen,
            console,
        }
    }

    pub fn gateway(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Changes the file.
    pub fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(from), "{from:?} is not in\n{text}");
        std::fs::write(&self.config, text.replace(from, to)).unwrap();
    }

    pub fn start(&self) -> Guard {
        Guard::start(self.command(), self.listen)
    }

    /// Runs to its end, which must come by itself.
    pub fn refused(&self) -> Output {
        ended(self.command())
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hudun"));
        command.args(["serve", "--config"]).arg(&self.config);
        command
    }
}

/// A running `hudun serve`.
pub struct Guard {
    child: Child,
    listen: SocketAddr,
    log: Option<JoinHandle<String>>,
}

impl Guard {
    pub fn start(mut command: Command, listen: SocketAddr) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        Self {
            child,
            listen,
            log: Some(log),
        }
    }

    pub async fn wait_for_gateway(&mut self) {
        let until = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(self.listen).await.is_err() {
            let gone = self.child.try_wait().unwrap();
            if gone.is_some() || Instant::now() > until {
                panic!("hudun serve did not start ({gone:?}): {}", self.kill());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL; what it had said.
    pub fn kill(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log
            .take()
            .map(|log| log.join().unwrap())
            .unwrap_or_default()
    }

    /// Waits for its own end: whether it was a good one, and what it had said.
    pub fn wait(&mut self) -> (bool, String) {
        let status = self.child.wait().unwrap();
        let said = self
            .log
            .take()
            .map(|log| log.join().unwrap())
            .unwrap_or_default();
        (status.success(), said)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that must end by itself.
pub fn ended(mut command: Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            let _ = child.kill();
            panic!("{command:?} did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

pub fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

pub async fn gzip(bytes: &[u8]) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut out = Vec::new();
    async_compression::tokio::bufread::GzipEncoder::new(bytes)
        .read_to_end(&mut out)
        .await
        .unwrap();
    out
}
