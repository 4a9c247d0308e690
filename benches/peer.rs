//! A peer that runs in another process and times itself.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A program of `benches/peers` that waits for work.
pub struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a script with the Python of `.venv-peers`; says so and returns `None` where there is
    /// none (`just bench-peers` installs it).
    pub fn start(script: &str, arguments: &[&str]) -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("../.venv-peers/bin/python");
        let spawned = Command::new(&python)
            .arg(root.join("peers").join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = match spawned {
            Ok(process) => process,
            Err(_) => {
                eprintln!("skipped: {script} {}: no .venv-peers", arguments.join(" "));
                return None;
            }
        };
        let (input, output) = (process.stdin.take()?, process.stdout.take()?);
        let mut peer = Peer {
            process,
            input,
            output: BufReader::new(output),
        };
        if peer.line().as_deref() != Some("ready") {
            eprintln!(
                "skipped: {script} {}: it did not start",
                arguments.join(" ")
            );
            return None;
        }
        Some(peer)
    }

    /// How long so many steps took by the peer's own clock, and the processor time of all its processes.
    pub fn times(&mut self, steps: u64) -> [Duration; 2] {
        let written = writeln!(self.input, "{steps}").and_then(|()| self.input.flush());
        let line = written.ok().and_then(|()| self.line()).unwrap_or_default();
        let mut seconds = line.split_whitespace().map(str::parse);
        [(); 2].map(|()| match seconds.next() {
            Some(Ok(seconds)) => Duration::from_secs_f64(seconds),
            _ => Duration::from_secs(1_000_000_000),
        })
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
