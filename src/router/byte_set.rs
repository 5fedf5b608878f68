//! Sets of bytes, as tables: a look-up a byte.

/// See the module.
pub struct ByteSet([bool; 256]);

impl ByteSet {
    /// Holds the bytes of `members`.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    pub const fn new(members: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut at = 0;
        while at < members.len() {
            table[members[at] as usize] = true;
            at += 1;
        }
        Self(table)
    }

    /// Whether `byte` is among them.
    pub fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|is_in| *is_in)
    }
}
