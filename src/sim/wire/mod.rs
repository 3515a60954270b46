//! The bytes of FCI version 5: named ranges, checked reading of any bytes, exact writing.
//!
//! Little-endian, IEEE-754 doubles, no padding, a bool is one byte of 0 or 1. Offsets and sizes are those of
//! libfranka-common's `research_interface/robot` headers (the submodule of libfranka 0.9.2), packed to 1.
//! Reading never panics: whatever does not fit is [`Malformed`].
pub mod commands;
pub mod framing;
pub mod state;

pub use commands::{Header, Request, Response, RobotCommand};
pub use state::RobotState;

use crate::robot::Errors;

/// TCP port of the robot.
pub const PORT: u16 = 1337;
/// Protocol version of the Panda (FER), system 3 and 4.
pub const VERSION: u16 = 5;

/// Bytes that are no message of this protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The message has another length than its kind.
    #[error("{what}: {got} bytes, expected {expected}")]
    Length {
        /// Which message.
        what: &'static str,
        /// Length this message must have.
        expected: usize,
        /// Length that came.
        got: usize,
    },
    /// A field holds a value outside its kind (a bool that is neither 0 nor 1, an unknown mode).
    #[error("{what}: the bytes of `{field}` hold no valid value")]
    Value {
        /// Which message.
        what: &'static str,
        /// Which field.
        field: &'static str,
    },
    /// The header names a command this version does not have.
    #[error("command {0} does not exist: the robot has 0 to 13, its hand 0 to 4")]
    Command(u32),
}

/// A value with a fixed number of bytes on the wire.
pub trait Wire: Sized {
    /// Its bytes.
    const LEN: usize;
    /// Writes itself into `out`, which is [`Self::LEN`] long.
    fn put(&self, out: &mut [u8]);
    /// Reads itself; `None` when the length differs or the value is not valid.
    fn get(bytes: &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            const LEN: usize = size_of::<$ty>();
            fn put(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Option<Self> {
                Some(<$ty>::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}
numbers!(u8, u16, u32, i32, u64, f64);

impl Wire for bool {
    const LEN: usize = 1;
    fn put(&self, out: &mut [u8]) {
        u8::from(*self).put(out);
    }
    fn get(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

impl<T: Wire + Copy + Default, const N: usize> Wire for [T; N] {
    const LEN: usize = N * T::LEN;
    fn put(&self, out: &mut [u8]) {
        for (value, bytes) in self.iter().zip(out.chunks_exact_mut(T::LEN)) {
            value.put(bytes);
        }
    }
    fn get(bytes: &[u8]) -> Option<Self> {
        let mut values = [T::default(); N];
        if bytes.len() != Self::LEN {
            return None;
        }
        for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(T::LEN)) {
            *value = T::get(bytes)?;
        }
        Some(values)
    }
}

impl Wire for Errors {
    const LEN: usize = 41;
    fn put(&self, out: &mut [u8]) {
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = (self.0 >> i & 1) as u8;
        }
    }
    fn get(bytes: &[u8]) -> Option<Self> {
        let flags = <[bool; 41]>::get(bytes)?;
        Some(Errors(flags.iter().enumerate().map(|(i, &flag)| u64::from(flag) << i).sum()))
    }
}

impl serde::Serialize for Errors {
    /// The names of those that are set.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

/// An enumeration of one byte.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
        #[repr(u8)]
        pub enum $name { $($(#[$vmeta])* $variant = $value,)* }
        impl $crate::sim::wire::Wire for $name {
            const LEN: usize = 1;
            fn put(&self, out: &mut [u8]) {
                (*self as u8).put(out);
            }
            fn get(bytes: &[u8]) -> Option<Self> {
                match bytes {
                    $([$value] => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use wire_enum;

/// A packed message: a struct, the named byte range of each field, and both directions.
///
/// The compiler checks that the written offsets leave no gap and no overlap and end at the stated length.
macro_rules! layout {
    ($(#[$meta:meta])* $name:ident, $len:literal, $at:ident {
        $($(#[$fmeta:meta])* $field:ident: $ty:ty = $offset:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty,)* }

        #[doc = concat!("Byte ranges of [`", stringify!($name), "`], from its first byte.")]
        #[allow(non_upper_case_globals)]
        pub mod $at {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[doc = concat!("Bytes of `", stringify!($field), "`.")]
                pub const $field: std::ops::Range<usize> =
                    $offset..$offset + <$ty as $crate::sim::wire::Wire>::LEN;
            )*
        }

        const _: () = {
            let mut end = 0;
            $(
                assert!($at::$field.start == end);
                end = $at::$field.end;
            )*
            assert!(end == $len);
        };

        impl $name {
            /// Bytes on the wire.
            pub const LEN: usize = $len;

            /// Its bytes.
            pub fn encode(&self) -> [u8; $len] {
                let mut bytes = [0; $len];
                $($crate::sim::wire::Wire::put(&self.$field, &mut bytes[$at::$field]);)*
                bytes
            }

            /// Reads any bytes.
            ///
            /// # Errors
            /// Another length than [`Self::LEN`], or a field that holds no valid value.
            pub fn decode(bytes: &[u8]) -> Result<Self, $crate::sim::wire::Malformed> {
                use $crate::sim::wire::{Malformed, Wire};
                let what = stringify!($name);
                if bytes.len() != $len {
                    return Err(Malformed::Length { what, expected: $len, got: bytes.len() });
                }
                Ok(Self {
                    $($field: <$ty>::get(&bytes[$at::$field])
                        .ok_or(Malformed::Value { what, field: stringify!($field) })?,)*
                })
            }
        }
    };
}
pub(crate) use layout;

#[cfg(test)]
mod tests;
