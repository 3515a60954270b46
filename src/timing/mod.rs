//! Fixed-memory histograms and the cycle split.
