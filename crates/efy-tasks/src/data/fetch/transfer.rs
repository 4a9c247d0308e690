//! One file from one address into a part file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::{Error, Result};

/// Most bytes a fetched file may have, uncompressed.
const MAX_BYTES: u64 = 1 << 30;

/// How long a server may take to connect, to answer, and between two pieces of a file.
const PATIENCE: Duration = Duration::from_secs(30);

/// From an address (`file://`, `http://`, `https://`; gunzipped if it ends in `.gz`) to a file.
pub(super) struct Transfer<'a> {
    pub address: &'a str,
    pub part: &'a Path,
}

impl Transfer<'_> {
    /// Brings the file; `false` when the address has none. `say` is told how it begins.
    pub(super) fn run(&self, say: &mut dyn FnMut(&str)) -> Result<bool> {
        match self.address.strip_prefix("file://") {
            Some(path) => self.copy(Path::new(path), say),
            None => self.download(say),
        }
    }

    fn copy(&self, path: &Path, say: &mut dyn FnMut(&str)) -> Result<bool> {
        match File::open(path) {
            Ok(file) => {
                say("from");
                self.write(file, 0)?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io(path)(error)),
        }
    }

    fn download(&self, say: &mut dyn FnMut(&str)) -> Result<bool> {
        // A range counts bytes of what the server holds: of no use for a gzipped file.
        let kept = match self.part.metadata() {
            Ok(metadata) if !self.gzipped() => metadata.len(),
            _ => 0,
        };
        let mut response = self.request(kept)?;
        if kept > 0 && response.status() == 416 {
            // The part is no beginning of this file.
            response = self.request(0)?;
        }
        let from = match response.status().as_u16() {
            200 => 0,
            206 if kept > 0 => kept,
            404 | 410 => return Ok(false),
            status => return Err(self.error(format!("HTTP status {status}"))),
        };
        if from > 0 {
            say(&format!("going on at byte {from} from"));
        } else {
            say("from");
        }
        self.write(response.into_body().into_reader(), from)?;
        Ok(true)
    }

    fn request(&self, from: u64) -> Result<Response<Body>> {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("efy/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .build()
            .into();
        let mut request = agent
            .get(self.address)
            .header("accept-encoding", "identity");
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
        }
        request
            .call()
            .map_err(|error| self.error(error.to_string()))
    }

    /// Writes the part file from byte `from` on and sees it to the disk.
    fn write(&self, body: impl Read, from: u64) -> Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(from == 0)
            .append(from > 0)
            .open(self.part)
            .map_err(Error::io(self.part))?;
        let left = MAX_BYTES.saturating_sub(from);
        let copied = if self.gzipped() {
            let mut body = MultiGzDecoder::new(BufReader::new(body)).take(left + 1);
            io::copy(&mut body, &mut file)
        } else {
            io::copy(&mut body.take(left + 1), &mut file)
        };
        match copied {
            Ok(count) if count > left => Err(self.error(format!("more than {MAX_BYTES} bytes"))),
            Ok(_) => file.sync_all().map_err(Error::io(self.part)),
            Err(error) => Err(self.error(format!("{error}; fetch again to go on"))),
        }
    }

    fn gzipped(&self) -> bool {
        self.address.ends_with(".gz")
    }

    fn error(&self, message: String) -> Error {
        Error::Fetch {
            address: self.address.to_owned(),
            message,
        }
    }
}
