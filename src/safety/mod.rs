//! Pure: (State, proposal) to (Command, Verdict); total on any `f64`.
