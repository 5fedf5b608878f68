//! JSON as RFC 8259 writes it, read from the bytes one by one, and what all readers see the same.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`, `true`, `false` or a number, as it stands there.
    Word(String),
    /// Without its escapes.
    Text(String),
    /// Its items.
    Array(Vec<Json>),
    /// Its members in their order, each name once.
    Object(Vec<(String, Json)>),
}

/// Why there is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// Not JSON, or JSON that two readers could see differently.
    Certain,
    /// At the bound of what a number may be, where readers round in several ways.
    Number,
}

type Read<T> = Result<T, Refusal>;

/// Levels of arrays and objects.
const MAX_DEPTH: usize = 32;

impl Json {
    /// The member of an object.
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let found = members.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value)
    }

    /// The characters of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The members of the one object that all of `bytes` is.
///
/// # Errors
///
/// [`Refusal`].
pub fn read(bytes: &[u8]) -> Read<Json> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Certain)?;
    let letters: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        letters: &letters,
        is_near_bound: false,
    };
    reader.space();
    let is_object = reader.letters.first() == Some(&'{');
    let value = reader.value(MAX_DEPTH)?;
    reader.space();
    match (is_object && reader.letters.is_empty(), reader.is_near_bound) {
        (false, _) => Err(Refusal::Certain),
        (true, true) => Err(Refusal::Number),
        (true, false) => Ok(value),
    }
}

struct Reader<'a> {
    /// What is left.
    letters: &'a [char],
    is_near_bound: bool,
}

impl Reader<'_> {
    fn space(&mut self) {
        while let Some(' ' | '\t' | '\n' | '\r') = self.letters.first() {
            self.letters = &self.letters[1..];
        }
    }

    fn next(&mut self) -> Read<char> {
        let (first, rest) = self.letters.split_first().ok_or(Refusal::Certain)?;
        self.letters = rest;
        Ok(*first)
    }

    fn value(&mut self, left: usize) -> Read<Json> {
        match self.letters.first().ok_or(Refusal::Certain)? {
            '{' => self.object(left.checked_sub(1).ok_or(Refusal::Certain)?),
            '[' => self.array(left.checked_sub(1).ok_or(Refusal::Certain)?),
            '"' => self.text().map(Json::Text),
            _ => self.word().map(Json::Word),
        }
    }

    /// Whether another item follows, after `{`, `[` or an item.
    fn goes_on(&mut self, end: char, is_first: bool) -> Read<bool> {
        self.space();
        if self.letters.first() == Some(&end) {
            self.next()?;
            return Ok(false);
        }
        if !is_first && self.next()? != ',' {
            return Err(Refusal::Certain);
        }
        self.space();
        Ok(true)
    }

    fn object(&mut self, left: usize) -> Read<Json> {
        self.next()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while self.goes_on('}', members.is_empty())? {
            let name = self.text()?;
            self.space();
            if self.next()? != ':' || members.iter().any(|(own, _)| *own == name) {
                return Err(Refusal::Certain);
            }
            self.space();
            members.push((name, self.value(left)?));
        }
        Ok(Json::Object(members))
    }

    fn array(&mut self, left: usize) -> Read<Json> {
        self.next()?;
        let mut items = Vec::new();
        while self.goes_on(']', items.is_empty())? {
            items.push(self.value(left)?);
        }
        Ok(Json::Array(items))
    }

    fn text(&mut self) -> Read<String> {
        if self.next()? != '"' {
            return Err(Refusal::Certain);
        }
        let mut units = Vec::new();
        loop {
            match self.next()? {
                '"' => return String::from_utf16(&units).map_err(|_| Refusal::Certain),
                '\\' => units.push(self.escape()?),
                letter if letter < ' ' => return Err(Refusal::Certain),
                letter => units.extend_from_slice(letter.encode_utf16(&mut [0; 2])),
            }
        }
    }

    /// One UTF-16 unit: halves that do not meet make no string.
    fn escape(&mut self) -> Read<u16> {
        let letter = match self.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            letter @ ('"' | '\\' | '/') => letter,
            'u' => {
                let mut unit = 0;
                for _ in 0..4 {
                    let digit = self.next()?.to_digit(16).ok_or(Refusal::Certain)?;
                    unit = unit * 16 + digit;
                }
                return u16::try_from(unit).map_err(|_| Refusal::Certain);
            }
            _ => return Err(Refusal::Certain),
        };
        u16::try_from(u32::from(letter)).map_err(|_| Refusal::Certain)
    }

    fn word(&mut self) -> Read<String> {
        let is_end = |letter: &char| !letter.is_ascii_alphanumeric() && !"+-.".contains(*letter);
        let end = self.letters.iter().position(is_end);
        let (word, rest) = self.letters.split_at(end.unwrap_or(self.letters.len()));
        self.letters = rest;
        let word: String = word.iter().collect();
        if ["null", "true", "false"].contains(&word.as_str()) {
            return Ok(word);
        }
        if !is_number(&word) {
            return Err(Refusal::Certain);
        }
        let size = word.parse::<f64>().map_err(|_| Refusal::Certain)?.abs();
        // The largest that a double holds, and what some round up to infinity.
        if size.is_finite() && size >= 1.79e308 {
            self.is_near_bound = true;
        } else if size.is_infinite() {
            match word
                .to_ascii_lowercase()
                .replace('-', "")
                .starts_with("1.79")
            {
                true => self.is_near_bound = true,
                false => return Err(Refusal::Certain),
            }
        }
        Ok(word)
    }
}

/// `-12.5e+3`, without needless zeros before it.
fn is_number(word: &str) -> bool {
    let word = word.strip_prefix('-').unwrap_or(word);
    let (number, exponent) = match word.split_once(['e', 'E']) {
        Some((number, exponent)) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            (number, exponent)
        }
        None => (word, "0"),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    [whole, fraction, exponent].into_iter().all(is_plain)
        && (whole == "0" || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_the_rfc_says() {
        let deep = |levels| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let cases = [
            (r#" {"a" : [1, -0.5e+3,null ] , "\u0062":{} } "#, Ok(())),
            (r#"{"a":"\ud83d\ude00é\/\n"}"#, Ok(())),
            (&deep(31), Ok(())),
            (&deep(32), Err(Refusal::Certain)),
            (r#"{"a":1.7976931348623157e308}"#, Err(Refusal::Number)),
            (r#"{"a":1e999}"#, Err(Refusal::Certain)),
            (r#"{"a":1,"\u0061":2}"#, Err(Refusal::Certain)),
            (r#"{"a":"\ud83d"}"#, Err(Refusal::Certain)),
            (r#"{"a":"\ude00\ud83d"}"#, Err(Refusal::Certain)),
            ("{\"a\":\"\t\"}", Err(Refusal::Certain)),
            (r#"{"a":01}"#, Err(Refusal::Certain)),
            (r#"{"a":1.}"#, Err(Refusal::Certain)),
            (r#"{"a":1,}"#, Err(Refusal::Certain)),
            (r#"{"a" 1}"#, Err(Refusal::Certain)),
            (r"{a:1}", Err(Refusal::Certain)),
            ("{}{}", Err(Refusal::Certain)),
            ("[]", Err(Refusal::Certain)),
            ("\u{feff}{}", Err(Refusal::Certain)),
            ("", Err(Refusal::Certain)),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text.as_bytes()).map(|_| ()), expected, "{text}");
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}"), Err(Refusal::Certain));
    }
}
