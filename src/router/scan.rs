//! Looking at all bytes of a text. Without an end before the last, which would keep the compiler from
//! looking at many of them at once: most texts are good, and looked at to their end anyway.

/// Whether all bytes are such.
pub fn all(bytes: &[u8], is_such: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & is_such(*byte))
}

/// Whether any byte and the one after it are such a pair.
pub fn any_pair(bytes: &[u8], is_such: impl Fn(u8, u8) -> bool) -> bool {
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    pairs.fold(false, |any, (first, second)| any | is_such(*first, *second))
}
