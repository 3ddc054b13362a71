//! A mail server for the demo: it speaks SMTP on loopback and puts every mail as a file into a folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Longest line that is read, bytes (RFC 5321 4.5.3.1.6 asks for 1,000).
const LINE: u64 = 64 * 1024;
/// Largest mail that is taken, bytes.
const MAIL: usize = 4 << 20;

/// Takes mail until stopped.
pub async fn serve(listener: TcpListener, folder: PathBuf, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            taken = listener.accept() => match taken {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let folder = folder.clone();
        tokio::spawn(async move {
            let talk =
                tokio::time::timeout(Duration::from_secs(60), converse(stream, &folder)).await;
            if let Ok(Err(error)) = talk {
                tracing::debug!(%error, "a mail connection ended early");
            }
        });
    }
}

async fn converse(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    use tokio::io::AsyncReadExt;

    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read);
    write.write_all(b"220 hudun demo mailbox\r\n").await?;
    loop {
        let mut line = String::new();
        if (&mut lines).take(LINE).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let word = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let answer: &[u8] = match word.as_str() {
            "EHLO" | "HELO" => b"250-hudun demo mailbox\r\n250 8BITMIME\r\n",
            "DATA" => {
                write.write_all(b"354 end with a dot\r\n").await?;
                let mail = read_mail(&mut lines).await?;
                let name = format!("{}.eml", uuid::Uuid::now_v7().simple());
                tokio::fs::write(folder.join(name), mail).await?;
                b"250 kept\r\n"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        write.write_all(answer).await?;
    }
}

async fn read_mail<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut R) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt;

    let mut mail = Vec::new();
    loop {
        let mut line = Vec::new();
        if (&mut *lines)
            .take(LINE)
            .read_until(b'\n', &mut line)
            .await?
            == 0
        {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" || line == b".\n" {
            return Ok(mail);
        }
        if mail.len() + line.len() > MAIL {
            return Err(std::io::Error::other("the mail is too large"));
        }
        // A line that began with a dot got a second one on the way (RFC 5321 4.5.2).
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
