//! A simulated Panda on a socket: speaks FCI version 5.
