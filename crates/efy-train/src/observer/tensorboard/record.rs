//! The frame of a record in a TFRecord file.

/// Length (u64), masked CRC-32C of the length, content, masked CRC-32C of the content; little-endian.
pub(super) fn frame(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    let mut frame = Vec::with_capacity(content.len() + 16);
    frame.extend(length);
    frame.extend(checksum(&length).to_le_bytes());
    frame.extend(content);
    frame.extend(checksum(content).to_le_bytes());
    frame
}

/// CRC-32C, masked as TensorFlow does it: a checksum of data that hold their checksum would be weak.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}
