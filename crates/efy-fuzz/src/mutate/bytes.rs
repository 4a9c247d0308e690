//! Mutations that know nothing of a format but its alphabet.

use std::ops::Range;

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::{NUMBERS, Random};

/// Pieces that formats are made of.
const TOKENS: [&str; 40] = [
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    "\"",
    "'",
    ",",
    ":",
    ";",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "|",
    "%",
    "@data\n",
    "@attribute x numeric\n",
    "{0 1}",
    "<label name='a'/>",
    "</labels>",
    "<!--",
    "&lt;",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "é",
    "null",
    "true",
    "\\",
];

/// Changes `good` in one to four places, sometimes with a piece of `other`.
#[must_use]
pub fn bytes(random: &mut Random, good: &[u8], other: &[u8]) -> Vec<u8> {
    let mut text = good.to_vec();
    for _ in 0..random.random_range(1..=4) {
        change(random, &mut text, other);
    }
    if random.random_bool(0.05) {
        text = encoding(random, &text);
    }
    text
}

fn change(random: &mut Random, text: &mut Vec<u8>, other: &[u8]) {
    let at = random.random_range(0..=text.len());
    match random.random_range(0..10) {
        0 if at < text.len() => text[at] ^= 1 << random.random_range(0..8),
        1 if at < text.len() => text[at] = random.random(),
        2 => text.truncate(at),
        3 => {
            text.drain(piece(random, text.len()));
        }
        4 => {
            let copied = text[piece(random, text.len())].to_vec();
            text.splice(at..at, copied);
        }
        5 => {
            let taken = other[piece(random, other.len())].to_vec();
            text.splice(at..at, taken);
        }
        6 => number(random, text),
        7 => line(random, text),
        8 => {
            let token = TOKENS.choose(random).copied().unwrap_or_default();
            let copies = if random.random_bool(0.1) { 300 } else { 1 };
            text.splice(at..at, token.repeat(copies).into_bytes());
        }
        _ => {
            let token = TOKENS.choose(random).copied().unwrap_or_default();
            text.splice(at..at, token.bytes());
        }
    }
}

/// A range of at most 40 bytes.
fn piece(random: &mut Random, length: usize) -> Range<usize> {
    let from = random.random_range(0..=length);
    from..(from + random.random_range(0..=40)).min(length)
}

/// Puts another number in the place of one.
fn number(random: &mut Random, text: &mut Vec<u8>) {
    let starts: Vec<usize> = (0..text.len())
        .filter(|&at| text[at].is_ascii_digit() && (at == 0 || !text[at - 1].is_ascii_digit()))
        .collect();
    if let Some(&from) = starts.choose(random) {
        let digits = text[from..].iter().take_while(|byte| byte.is_ascii_digit());
        let range = from..from + digits.count();
        let number = NUMBERS.choose(random).copied().unwrap_or_default();
        text.splice(range, number.bytes());
    }
}

/// Doubles, drops or moves a line.
fn line(random: &mut Random, text: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = text
        .split_inclusive(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.is_empty() {
        return;
    }
    let (from, to) = (
        random.random_range(0..lines.len()),
        random.random_range(0..lines.len()),
    );
    match random.random_range(0..3) {
        0 => lines.insert(to, lines[from].clone()),
        1 => drop(lines.remove(from)),
        _ => lines.swap(from, to),
    }
    *text = lines.concat();
}

/// The text in another encoding, or with other line ends.
#[must_use]
pub fn encoding(random: &mut Random, text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    match random.random_range(0..6) {
        0 => [&[0xff, 0xfe], wide(u16::to_le_bytes).as_slice()].concat(),
        1 => [&[0xfe, 0xff], wide(u16::to_be_bytes).as_slice()].concat(),
        2 => wide(u16::to_le_bytes),
        3 => format!("\u{feff}{text}").into_bytes(),
        4 => text.replace('\n', "\r\n").into_bytes(),
        // Latin 1.
        _ => text.chars().chain(['é']).map(|c| c as u8).collect(),
    }
}
