//! Messages that are posted to a program on this machine, as an HTTP subscription gets them.
//!
//! Only to the loopback address, and only when the user allowed that very address, as with code. What the program answers
//! changes nothing in a run. Knows nothing of nodes.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::Host;

/// Messages that wait to be posted; more are not posted.
const WAITING: usize = 1_000;
/// Patience with the program.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read.
const ANSWER: u64 = 4096;
/// Posts that may fail one after the other before the rest is given up.
const FAILURES: usize = 3;

/// Where to: an address of this machine and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    address: SocketAddr,
    host: String,
    path: String,
}

impl Place {
    /// Reads `http://127.0.0.1:8080/path`. No name is looked up: the host is `127.0.0.1`, `[::1]` or `localhost`.
    ///
    /// # Errors
    /// One sentence.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "`{}` {why}: write an address of this machine such as `http://127.0.0.1:8080/messages`",
                url.chars().take(100).collect::<String>()
            )
        };
        if !url.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong("has characters that no address has"));
        }
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| wrong("does not begin with `http://`"))?;
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (name, port) = host
            .rsplit_once(':')
            .ok_or_else(|| wrong("names no port"))?;
        let ip = match name {
            "127.0.0.1" | "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            "[::1]" => IpAddr::V6(Ipv6Addr::LOCALHOST),
            _ => return Err(wrong("leaves this machine")),
        };
        let port = port.parse::<u16>().ok().filter(|port| *port > 0);
        let port = port.ok_or_else(|| wrong("has no port from 1 to 65535"))?;
        Ok(Self {
            address: SocketAddr::new(ip, port),
            host: host.to_owned(),
            path: path.to_owned(),
        })
    }
    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
    fn post(&self, body: &str) -> io::Result<()> {
        let mut stream = self.connect()?;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: {}\r\n\
             x-amz-sns-message-type: Notification\r\nConnection: close\r\n\r\n",
            self.path,
            self.host,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER).read_to_end(&mut answer)?;
        Ok(())
    }
}

/// A program on this machine that messages are posted to, in their order, by a thread of its own.
#[derive(Debug)]
pub struct Webhook {
    queue: Option<SyncSender<String>>,
    poster: Option<JoinHandle<()>>,
}

impl Webhook {
    /// Begins to post to `url`, when the user allowed it and a program listens there.
    ///
    /// # Errors
    /// One sentence.
    pub fn open(url: &str, host: &Host) -> Result<Self, String> {
        let place = Place::parse(url)?;
        if !host.permission.covers(url) {
            return Err(format!(
                "the address `{url}` is not allowed: allow it (`--allow-code`), or leave it out"
            ));
        }
        place.connect().map_err(|e| {
            format!("nothing answers at `{url}` ({e}): start the program that listens there, or leave it out")
        })?;
        let (queue, waiting) = sync_channel(WAITING);
        let cancel = host.cancel.clone();
        let poster = Builder::new()
            .name("weir-webhook".to_owned())
            .spawn(move || post_all(&place, &waiting, || cancel.is_cancelled()))
            .map_err(|e| format!("the system gives no thread: {e}"))?;
        Ok(Self {
            queue: Some(queue),
            poster: Some(poster),
        })
    }
    /// Posts a message when its turn comes; what is too much for the program is left out.
    pub fn post(&self, body: String) {
        if let Some(queue) = &self.queue {
            // Full or ended: the run goes on without it.
            let _left_out = queue.try_send(body);
        }
    }
}

impl Drop for Webhook {
    /// Waits until what was told is posted, or given up.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(poster) = self.poster.take() {
            let _ended = poster.join();
        }
    }
}

fn post_all(place: &Place, waiting: &Receiver<String>, cancelled: impl Fn() -> bool) {
    let mut failed = 0;
    for body in waiting {
        failed = match place.post(&body) {
            Ok(()) => 0,
            Err(_) => failed + 1,
        };
        if failed >= FAILURES || cancelled() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::code::{Permission, fingerprint};

    fn host(permission: Permission) -> Host {
        Host::new(permission, CancellationToken::new(), "unused".into())
    }

    #[test]
    fn only_addresses_of_this_machine_are_taken() {
        for url in [
            "http://127.0.0.1:8080",
            "http://localhost:1/a?b=c",
            "http://[::1]:65535/",
        ] {
            assert!(Place::parse(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "http://",
            "https://127.0.0.1:80/",
            "http://127.0.0.1/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:99999/",
            "http://127.0.0.2:80/",
            "http://0.0.0.0:80/",
            "http://10.0.0.1:80/",
            "http://example.com:80/",
            "http://127.0.0.1@example.com:80/",
            "http://127.0.0.1:80@example.com:80/",
            "http://localhost.example.com:80/",
            "http://127.0.0.1:80/a b",
            "http://127.0.0.1:80/\r\nX: y",
            "ftp://127.0.0.1:80/",
        ] {
            assert!(Place::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn messages_are_posted_in_order_to_an_allowed_address_only() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let refused = Webhook::open(&url, &host(Permission::Nothing)).unwrap_err();
        assert!(refused.contains("not allowed"), "{refused}");
        let server = Builder::new()
            .spawn(move || {
                let mut got = Vec::new();
                // The first connection is the question whether somebody listens.
                for stream in listener.incoming().take(4).skip(1) {
                    let mut stream = stream.unwrap();
                    let mut text = Vec::new();
                    let mut piece = [0; 512];
                    while !text.ends_with(b"end") {
                        let n = stream.read(&mut piece).unwrap();
                        text.extend_from_slice(&piece[..n]);
                    }
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                    got.push(String::from_utf8(text).unwrap());
                }
                got
            })
            .unwrap();
        let allowed = Permission::These([fingerprint(&url)].into_iter().collect());
        let hook = Webhook::open(&url, &host(allowed)).unwrap();
        for n in 1..=3 {
            hook.post(format!("{n} end"));
        }
        drop(hook);
        let got = server.join().unwrap();
        for (n, text) in (1..=3).zip(&got) {
            assert!(
                text.starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1:"),
                "{text}"
            );
            assert!(text.ends_with(&format!("\r\n\r\n{n} end")), "{text}");
        }
        // Nobody listens any more.
        let gone = Webhook::open(&url, &host(Permission::Everything)).unwrap_err();
        assert!(gone.contains("nothing answers"), "{gone}");
    }
}
