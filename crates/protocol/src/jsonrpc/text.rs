//! Where text ends, or cannot stand as it is.

/// The index of the next quote, backslash or control character, or the end. Eight bytes at a time: most of
/// a message is text.
pub(crate) fn special(bytes: &[u8], from: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*chunk);
        // Each sets the high bit of a byte that is ASCII and sought, and of bytes after the first such one
        // at random. With its second bit turned over, a quote is 0x20, and controls are still below that.
        let quotes_and_controls = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
        let backslashes = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        let found = (quotes_and_controls | backslashes) & !word & HIGHS;
        if found != 0 {
            // The lowest byte is right. At most 7 is added.
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    bytes.iter().skip(at).position(is_special).map_or(bytes.len(), |more| at + more)
}

#[cfg(test)]
mod tests {
    use super::special;

    #[test]
    fn strings_end_where_a_byte_by_byte_reader_ends_them() {
        let slow = |bytes: &[u8], from: usize| {
            (from..bytes.len())
                .find(|at| matches!(bytes[*at], b'"' | b'\\' | ..0x20))
                .unwrap_or(bytes.len())
        };
        for filler in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
            for end in [b'"', b'\\', 0x00, 0x1f, 0x20, 0x80] {
                for length in 0..20 {
                    for at in 0..length {
                        let mut bytes = vec![filler; length];
                        bytes[at] = end;
                        for from in 0..=length {
                            assert_eq!(
                                special(&bytes, from),
                                slow(&bytes, from),
                                "{bytes:?} {from}"
                            );
                        }
                    }
                }
            }
        }
    }
}
