//! Changes whole lines of an input, so that what is made stays close to what is accepted.

use serde_json::Value;

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

/// Puts a value of `pool` into a line that is JSON, in the place of its like, or does as [`lines`].
pub fn json(data: &mut [u8], size: usize, max_size: usize, seed: u32, pool: &[&str]) -> usize {
    let mut random = Random(u64::from(seed) << 32);
    let texts = data[..size].split(|byte| *byte == b'\n');
    let mut texts: Vec<Vec<u8>> = texts.map(<[u8]>::to_vec).collect();
    let at = random.below(texts.len());
    let from = serde_json::from_str::<Value>(pool[random.below(pool.len())]);
    let (Ok(mut value), Ok(from)) = (serde_json::from_slice::<Value>(&texts[at]), from) else {
        return lines(data, size, max_size, seed, pool, "\n");
    };
    if random.below(4) == 0 {
        return lines(data, size, max_size, seed, pool, "\n");
    }
    for _ in 0..=random.below(3) {
        let place = random.below(places(&value).len());
        let place = places(&value).swap_remove(place);
        let name = |place: &str| place.rsplit('/').next().map(str::to_owned);
        let mut others = places(&from);
        let is_like = |other: &String| name(other) == name(&place);
        if others.iter().any(is_like) && random.below(8) > 0 {
            others.retain(is_like);
        }
        let other = others.swap_remove(random.below(others.len()));
        let new = from.pointer(&other).cloned().unwrap_or_default();
        change(&mut value, &place, new, random.below(4));
    }
    texts[at] = value.to_string().into_bytes();
    let new = texts.join(&b'\n');
    let size = new.len().min(max_size);
    data[..size].copy_from_slice(&new[..size]);
    size
}

/// Pointers to all values inside, itself among them.
fn places(value: &Value) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut add = |name: &str, inner: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        all.extend(places(inner).iter().map(|rest| format!("/{name}{rest}")));
    };
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                add(&index.to_string(), item);
            }
        }
        Value::Object(members) => {
            for (name, inner) in members {
                add(name, inner);
            }
        }
        _ => {}
    }
    all
}

/// Replaces what is at `place`, takes it out or adds to it.
fn change(value: &mut Value, place: &str, new: Value, how: usize) {
    let (parent, name) = place.rsplit_once('/').unwrap_or_default();
    match (value.pointer_mut(parent), how) {
        (Some(Value::Object(members)), 0) => {
            members.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        (Some(Value::Array(items)), 0) if items.len() > 1 => drop(items.pop()),
        (Some(Value::Array(items)), 1) => items.push(new),
        (_, 2) => match (value.pointer_mut(place), new) {
            (Some(Value::Object(members)), Value::Object(more)) => members.extend(more),
            (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
            (Some(old), new) => *old = new,
            (None, _) => {}
        },
        _ => {
            if let Some(old) = value.pointer_mut(place) {
                *old = new;
            }
        }
    }
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
