//! A fixed run of `f32` that starts on a cache line.
use std::ops::{Deref, DerefMut};

const LINE: usize = 64;

/// Zeroed at first, never grown. A vector load that straddles two cache lines costs two, hence the alignment.
#[derive(Debug)]
pub struct Buffer {
    store: Vec<f32>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let store = vec![0.0_f32; len + LINE / size_of::<f32>()];
        let start = store.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        Self { store, start, len }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        self.store.get(self.start..self.start + self.len).unwrap_or_default()
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.store.get_mut(self.start..self.start + self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_and_its_clone_start_on_a_cache_line() {
        for len in [0, 1, 7, 16, 1000] {
            let mut buffer = Buffer::zeros(len);
            buffer.fill(2.5);
            let copy = buffer.clone();
            assert_eq!(buffer.as_ptr() as usize % LINE, 0);
            assert_eq!(copy.as_ptr() as usize % LINE, 0);
            assert_eq!(copy.len(), len);
            assert_eq!(&*copy, &*buffer);
        }
    }
}
