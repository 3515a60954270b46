//! Words that nobody can guess.
use rand::TryRng;
use rand::rngs::SysRng;

/// 32 random bytes of the system's, as 64 hexadecimal digits.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// What the system says when it has no randomness.
    pub(super) fn new() -> std::io::Result<Secret> {
        let mut bytes = [0u8; 32];
        SysRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Secret(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `given` is it. The time this takes says nothing of where the two differ.
    pub(super) fn is(&self, given: &str) -> bool {
        let differences = self.0.bytes().zip(given.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
        given.len() == self.0.len() && std::hint::black_box(differences) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_itself_and_nothing_else() {
        let [a, b] = [Secret::new().unwrap(), Secret::new().unwrap()];
        assert!(a.is(a.as_str()) && !a.is(b.as_str()));
        assert!(!a.is("") && !a.is(&a.as_str()[1..]) && !a.is(&format!("{}0", a.as_str())));
        let last = if a.as_str().ends_with('0') { '1' } else { '0' };
        assert!(!a.is(&format!("{}{last}", &a.as_str()[..63])), "one digit is another");
    }
}
