//! Starts a Tryton on a free port with a fresh database, and stops it.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The password that `scripts/tryton.sh` gives the user `admin`.
pub(crate) const ADMIN_PASSWORD: &str = "Tryton-Test-2026";

/// A running Tryton.
pub(crate) struct Tryton {
    pub(crate) address: SocketAddr,
    server: Child,
    folder: tempfile::TempDir,
}

impl Tryton {
    /// `None` when `HUDUN_TRYTON` is not set.
    pub(crate) async fn start() -> Option<Self> {
        let home = PathBuf::from(std::env::var_os("HUDUN_TRYTON").filter(|home| !home.is_empty())?);
        // A relative folder counts from the root of the repository, where the script was called.
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let home = PathBuf::from(root)
            .join(home)
            .canonicalize()
            .expect("HUDUN_TRYTON names a folder");
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(
            home.join("template.sqlite"),
            folder.path().join("crm.sqlite"),
        )
        .expect("scripts/tryton.sh has made template.sqlite");
        let config = folder.path().join("trytond.conf");
        let text = format!(
            "[web]\nnum_proxies = 1\n[database]\nuri = sqlite:///\npath = {}\n",
            folder.path().display()
        );
        std::fs::write(&config, text).unwrap();
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let server = Command::new(home.join("venv/bin/python"))
            .args([
                "-m",
                "gunicorn",
                "-b",
                &address.to_string(),
                "-w",
                "1",
                "--threads",
                "4",
            ])
            .args(["--graceful-timeout", "1"])
            .arg("trytond.application:app")
            .env("TRYTOND_CONFIG", &config)
            .env("TRYTOND_DATABASE_NAMES", "crm")
            .env("HOME", folder.path())
            .env_remove("XDG_RUNTIME_DIR")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("scripts/tryton.sh has made venv");
        let mut tryton = Self {
            address,
            server,
            folder,
        };
        tryton.wait().await;
        Some(tryton)
    }

    async fn wait(&mut self) {
        for _ in 0..600 {
            if let Some(status) = self.server.try_wait().unwrap() {
                panic!("Tryton ended with {status}: {}", self.log());
            }
            if self.answers().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("Tryton does not answer: {}", self.log());
    }

    async fn answers(&self) -> bool {
        let Ok(mut stream) = tokio::net::TcpStream::connect(self.address).await else {
            return false;
        };
        let body = r#"{"id":1,"method":"common.server.version","params":[]}"#;
        let request = format!(
            "POST /rpc/ HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut answer = Vec::new();
        stream.write_all(request.as_bytes()).await.is_ok()
            && stream.read_to_end(&mut answer).await.is_ok()
            && answer.starts_with(b"HTTP/1.1 200")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Tryton {
    /// The master ends its worker when it is asked to, and not when it is killed.
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.server.id().to_string())
            .status();
        let _ = self.server.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}
