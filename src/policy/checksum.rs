//! A 64-bit fingerprint of data and of policies, against damage, not against forgery.
use std::collections::BTreeMap;

/// FNV-1a, 64 bits (Fowler, Noll, Vo; IETF draft-eastlake-fnv).
///
/// Each step is invertible for a given byte, so any one altered byte always changes the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Adds numbers by their bits, little endian.
    pub fn write_numbers(&mut self, numbers: &[f64]) {
        numbers.iter().for_each(|number| self.write(&number.to_le_bytes()));
    }

    /// Sixteen hexadecimal digits.
    pub fn hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// The fingerprint of a file of tensors: each metadata key and value but the checksum itself, by key; then name,
/// type, shape (comma-separated) and bytes of each tensor, by name; a zero byte behind every text.
pub fn of_tensors<'a>(
    metadata: &BTreeMap<String, String>,
    tensors: impl Iterator<Item = (&'a str, (&'a str, &'a [usize], &'a [u8]))>,
) -> String {
    let mut checksum = Checksum::default();
    let text = |checksum: &mut Checksum, text: &str| {
        checksum.write(text.as_bytes());
        checksum.write(&[0]);
    };
    for (key, value) in metadata.iter().filter(|(key, _)| *key != "checksum") {
        text(&mut checksum, key);
        text(&mut checksum, value);
    }
    for (name, (dtype, shape, bytes)) in tensors {
        text(&mut checksum, name);
        text(&mut checksum, dtype);
        text(&mut checksum, &shape.iter().map(usize::to_string).collect::<Vec<_>>().join(","));
        checksum.write(bytes);
    }
    checksum.hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_come_out() {
        for (text, expected) in
            [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")]
        {
            let mut checksum = Checksum::default();
            checksum.write(text.as_bytes());
            assert_eq!(checksum.hex(), expected);
        }
    }
}
