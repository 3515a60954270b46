//! The configurations that come inside the binary, and the reading of files.
use super::Problem;

/// The presets by name; each is the file of that name in `config/`.
pub const PRESETS: [(&str, &str); 4] = [
    ("default", include_str!("../../config/default.toml")),
    ("original", include_str!("../../config/original.toml")),
    ("sim", include_str!("../../config/sim.toml")),
    ("safety", include_str!("../../config/safety.toml")),
];

/// A TOML text and the name that messages give it.
#[derive(Clone, Debug)]
pub struct Source {
    /// How messages call it.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Source {
    /// The preset of that name, else the file at that path.
    ///
    /// # Errors
    /// The [`Problem`] when the file cannot be read or is not UTF-8.
    pub fn open(name: &str) -> Result<Self, Problem> {
        if let Some((preset, text)) = PRESETS.iter().find(|(preset, _)| *preset == name) {
            return Ok(Self { name: format!("preset {preset}"), text: (*text).to_owned() });
        }
        std::fs::read_to_string(name).map(|text| Self { name: name.to_owned(), text }).map_err(|error| {
            let presets: Vec<&str> = PRESETS.iter().map(|(preset, _)| *preset).collect();
            Problem {
                file: name.to_owned(),
                line: 0,
                column: 0,
                key: String::new(),
                message: format!(
                    "cannot be read: {error}; name a TOML file or a preset ({})",
                    presets.join(", ")
                ),
            }
        })
    }
}
