//! Paths, time laws, expert labels, import.
