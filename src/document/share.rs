//! Shares of a whole.

use toml::de::DeValue;

use super::Section;

impl Section<'_> {
    /// The number from 0 to 1 under `key`.
    pub fn share(&self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(integer) => integer.as_str().parse().ok(),
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            _ => None,
        };
        let number = number.filter(|number| (0.0..=1.0).contains(number));
        if number.is_none() {
            self.unexpected(key, value, "a number from 0 to 1");
        }
        number
    }
}
