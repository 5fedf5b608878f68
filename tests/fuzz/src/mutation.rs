//! Changes whole lines of an input, so that what is made stays close to what is accepted.

/// Puts lines of `pool` in, takes lines out and repeats them, or leaves the work to the fuzzer's own
/// changes of bytes, as `seed` will have it; the answer is the new size.
pub fn lines(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    pool: &[&str],
    ending: &str,
) -> usize {
    let mut random = Random(u64::from(seed));
    if random.below(2) == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let old = data[..size].split_inclusive(|byte| *byte == b'\n');
    let mut lines: Vec<Vec<u8>> = old.map(<[u8]>::to_vec).collect();
    for _ in 0..=random.below(3) {
        let at = random.below(lines.len() + 1);
        let chosen = pool[random.below(pool.len())];
        let from_pool = format!("{chosen}{ending}").into_bytes();
        match random.below(4) {
            0 if at < lines.len() => drop(lines.remove(at)),
            // Its like, where there is one: two of a kind are mostly refused.
            1 if at < lines.len() => {
                let kind = chosen.split([' ', ':']).next().unwrap_or_default();
                let mut all = lines.iter();
                let like = all.position(|line| line.starts_with(kind.as_bytes()));
                lines[like.unwrap_or(at)] = from_pool;
            }
            2 if at < lines.len() => {
                let to = random.below(lines.len() + 1);
                lines.insert(to, lines[at].clone());
            }
            _ => lines.insert(at, from_pool),
        }
    }
    let new = lines.concat();
    let size = new.len().min(max_size);
    data[..size].copy_from_slice(&new[..size]);
    size
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % bound as u64).unwrap_or(0)
    }
}
