//! The network: layout, forward, backward, Adam, normalisation, file. No allocation after `new`.
