//! What is written in TOML, and what it means (all errors at once).
