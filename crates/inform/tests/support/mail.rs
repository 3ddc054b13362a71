//! A mail server on a real socket.

use std::sync::{Arc, Mutex};

use hudun_inform::{MailSecurity, MailSettings};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub fn mail(port: u16) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".into(),
        port,
        security: MailSecurity::None,
        user: None,
        password: None,
        from: "hudun <hudun@example.cn>".into(),
        return_path: None,
    }
}

/// A mail server; the recipients of what it took. How it behaves towards an address that holds the word.
/// `reject`: 550; `busy`: 451; `hang`: silence; `drop`: closes after the text without a word.
pub async fn mail_server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let all = taken.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let taken = all.clone();
            tokio::spawn(async move { talk(stream, taken).await });
        }
    });
    (port, taken)
}

async fn talk(stream: TcpStream, taken: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 test\r\n").await.ok()?;
    let mut to = String::new();
    while let Some(line) = lines.next_line().await.ok()? {
        let said = line.to_uppercase();
        let answer = if said.starts_with("EHLO") {
            "250-test\r\n250 8BITMIME\r\n"
        } else if said.starts_with("RCPT") {
            to = line.clone();
            if to.contains("reject") {
                "550 no such user\r\n"
            } else if to.contains("busy") {
                "451 later\r\n"
            } else if to.contains("hang") {
                std::future::pending::<()>().await;
                ""
            } else {
                "250 ok\r\n"
            }
        } else if said.starts_with("DATA") {
            write.write_all(b"354 go\r\n").await.ok()?;
            while lines
                .next_line()
                .await
                .ok()?
                .is_some_and(|line| line != ".")
            {}
            if to.contains("drop") {
                return None;
            }
            taken.lock().unwrap().push(to.clone());
            "250 taken\r\n"
        } else {
            "250 ok\r\n"
        };
        write.write_all(answer.as_bytes()).await.ok()?;
    }
    Some(())
}
