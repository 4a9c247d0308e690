//! From the bytes of a configuration to text.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// Largest configuration that is read.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// Reads a file without ever holding more than [`MOST_BYTES`] of it: what is called a configuration may be
/// a disk image or an endless device.
pub(super) fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(Error::file(path, "read"))?;
    let origin = path.display().to_string();
    if bytes.len() > MOST_BYTES {
        return Err(too_long(&origin));
    }
    decode(&origin, bytes)
}

/// Refuses a text that is longer than a configuration may be.
pub(super) fn check_length(origin: &str, text: &str) -> Result<()> {
    if text.len() > MOST_BYTES {
        return Err(too_long(origin));
    }
    Ok(())
}

fn too_long(origin: &str) -> Error {
    Error::Config {
        origin: origin.to_owned(),
        message: format!("expected at most {MOST_BYTES} bytes, found more"),
    }
}

/// UTF-8, with or without a byte order mark; anything else is named.
fn decode(origin: &str, bytes: Vec<u8>) -> Result<String> {
    let found = match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        // A configuration begins with an ASCII character: half of each code unit is zero.
        [0, first, ..] | [first, 0, ..] if *first != 0 => Some("UTF-16 without a byte order mark"),
        _ => None,
    };
    if let Some(found) = found {
        return Err(Error::Config {
            origin: origin.to_owned(),
            message: format!("expected UTF-8 text, found {found}; save it as UTF-8"),
        });
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
        Error::Config {
            origin: format!("{origin}:{line}"),
            message: format!(
                "expected UTF-8 text, found the byte 0x{:02X} at offset {at}; save it as UTF-8",
                bytes.get(at).copied().unwrap_or_default()
            ),
        }
    })
}

/// Foreign text for a message: in one line, without control characters, and cut short.
pub fn one_line(text: &str) -> String {
    const MOST: usize = 400;
    let mut line = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == MOST {
            line.push_str("...");
            break;
        }
        match c {
            '"' | '\'' | '\\' => line.push(c),
            c => line.extend(c.escape_debug()),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        decode("c.yaml", bytes.to_owned()).unwrap_err().to_string()
    }

    #[test]
    fn other_encodings_are_named() {
        let utf16 = |order: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> {
            text.encode_utf16().flat_map(order).collect()
        };
        for (bytes, found) in [
            (utf16(u16::to_le_bytes, "\u{feff}task"), "UTF-16;"),
            (utf16(u16::to_be_bytes, "\u{feff}task"), "UTF-16;"),
            (utf16(u16::to_le_bytes, "task"), "UTF-16 without"),
            (utf16(u16::to_be_bytes, "task"), "UTF-16 without"),
            (b"\xff\xfe\0\0t\0\0\0".to_vec(), "UTF-32;"),
        ] {
            let message = refusal(&bytes);
            let start = format!("c.yaml: expected UTF-8 text, found {found}");
            assert!(message.starts_with(&start), "{message}");
        }
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_named_with_line_and_offset() {
        assert_eq!(
            refusal(b"task: x\nname: caf\xe9\n"),
            "c.yaml:2: expected UTF-8 text, found the byte 0xE9 at offset 17; save it as UTF-8"
        );
    }

    #[test]
    fn foreign_text_cannot_leave_its_line_or_command_the_terminal() {
        assert_eq!(
            one_line("a\nb\u{1b}[2J\u{202e}"),
            "a\\nb\\u{1b}[2J\\u{202e}"
        );
        assert_eq!(one_line(&"x".repeat(1 << 20)).len(), 403);
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_device_is_not_read_to_its_end() {
        let message = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(
            message,
            "/dev/zero: expected at most 1048576 bytes, found more"
        );
    }
}
