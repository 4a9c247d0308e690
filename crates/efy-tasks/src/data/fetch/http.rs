//! A web server for tests: a few paths on 127.0.0.1, ranges, and a log of what was asked.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How the server treats a path that it has.
#[derive(Clone)]
pub(super) enum Reply {
    /// Sends the contents, or the range that was asked for.
    Ranges(Vec<u8>),
    /// Sends the contents whole, whatever was asked for.
    Whole(Vec<u8>),
    /// Promises the contents and hangs up after so many bytes.
    Cut(Vec<u8>, usize),
    /// Fails.
    Broken,
}

/// Lives as long as the test process.
pub(super) struct Server {
    pub(super) address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) fn start(files: impl IntoIterator<Item = (String, Reply)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let files: HashMap<_, _> = files.into_iter().collect();
        let log = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &files, &seen);
            }
        });
        Self { address, log }
    }

    /// The requests so far, as `PATH` or `PATH from N`.
    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

fn answer(stream: TcpStream, files: &HashMap<String, Reply>, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let path = lines
        .next()
        .and_then(|line| Some(line.split(' ').nth(1)?.to_owned()));
    let path = path.unwrap_or_default();
    let from = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let line = line.to_ascii_lowercase();
            line.strip_prefix("range: bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        })
        .last();
    log.lock().unwrap().push(match from {
        Some(from) => format!("{path} from {from}"),
        None => path.clone(),
    });
    let (status, body, sent) = match (files.get(&path), from) {
        (None, _) => ("404 Not Found", &[][..], 0),
        (Some(Reply::Broken), _) => ("500 Internal Server Error", &[][..], 0),
        (Some(Reply::Cut(body, sent)), _) => ("200 OK", &body[..], *sent),
        (Some(Reply::Ranges(body)), Some(from)) if from >= body.len() => {
            ("416 Range Not Satisfiable", &[][..], 0)
        }
        (Some(Reply::Ranges(body)), Some(from)) => {
            ("206 Partial Content", &body[from..], body.len() - from)
        }
        (Some(Reply::Ranges(body) | Reply::Whole(body)), _) => ("200 OK", &body[..], body.len()),
    };
    let mut stream = &stream;
    let length = body.len();
    // A client that hangs up early is part of some tests.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(&body[..sent]);
}
