//! The arithmetic of the network, compiled for three instruction sets and chosen at run time.
//!
//! One source of the matrix product serves a single sample, the batch forward, both gradients: `A` may have
//! any strides, `B` and `C` have contiguous rows of whole vectors. The loops over single numbers
//! ([`super::activation`], [`super::adam`]) are plain Rust that the compiler vectorises for each set.
#![allow(unsafe_code)] // vector instructions and their pointers; everything else in the policy is safe
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]
use super::activation::{self, Activation};
use super::adam;
use super::layout::LANES;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// An instruction set this machine has: the only way to get one is to ask the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// Plain Rust, on every machine: the twin the others are held to.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// The fastest set of this machine.
    pub fn detect() -> Self {
        Self::available().last().unwrap_or(Self::PORTABLE)
    }

    /// All sets of this machine, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2 && is_x86_feature_detected!("avx512f");
            [avx2.then_some(Self(Kind::Avx2)), avx512.then_some(Self(Kind::Avx512))]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let vectors: [Option<Self>; 0] = [];
        [Self::PORTABLE].into_iter().chain(vectors.into_iter().flatten())
    }

    /// Its name, for reports.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512f",
        }
    }
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// Nothing: `C = A·B`.
    Zero,
    /// One row for all: `C = 1·bias + A·B`.
    Row(&'a [f32]),
    /// What `C` holds: `C += A·B`.
    Accumulate,
}

/// The left factor of a product: element (i, p) lies at `i * row + p * column`.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    /// The numbers.
    pub data: &'a [f32],
    /// Distance of rows.
    pub row: usize,
    /// Distance of columns.
    pub column: usize,
}

/// Sizes of a product: `C` is m×n, the sum runs over `k`. `n` is a whole number of [`LANES`]; rows of `B` and
/// `C` are `n` long.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // the names of linear algebra
pub struct Size {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

/// `C = start + A·B`.
///
/// The extents are checked once here, never inside: a shape that does not fit is a defect of the layout, and
/// the assertion keeps it from becoming a stray write.
pub fn product(isa: Isa, size: Size, a: Strided, b: &[f32], c: &mut [f32], start: Start) {
    let Size { m, n, k } = size;
    if m == 0 || n == 0 {
        return;
    }
    assert!(n % LANES == 0 && c.len() >= m * n && b.len() >= k * n, "product {size:?} does not fit B or C");
    assert!(k == 0 || a.data.len() > (m - 1) * a.row + (k - 1) * a.column, "product {size:?} does not fit A");
    let c_pointer = c.as_mut_ptr();
    let (from, from_row) = match start {
        Start::Zero => (std::ptr::null(), 0),
        Start::Row(row) => {
            assert!(row.len() >= n, "product {size:?} does not fit the row it starts from");
            (row.as_ptr(), 0)
        }
        Start::Accumulate => (c_pointer.cast_const(), n),
    };
    let job = Job {
        size,
        a: a.data.as_ptr(),
        row: a.row,
        column: a.column,
        b: b.as_ptr(),
        c: c_pointer,
        from,
        from_row,
    };
    match isa.0 {
        // SAFETY: the assertions above are the extents `Job::run` asks for; plain Rust needs no feature.
        Kind::Portable => unsafe { job.run::<[f32; 4], 2, 2>() },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above; `Isa` exists only where the feature was detected.
        Kind::Avx2 => unsafe { product_avx2(job) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above; `Isa` exists only where the feature was detected.
        Kind::Avx512 => unsafe { product_avx512(job) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn product_avx2(job: Job) {
    // SAFETY: the caller vouches for the extents; the feature is enabled here. 6×2 + 2 + 1 of 16 registers.
    unsafe { job.run::<__m256, 6, 2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn product_avx512(job: Job) {
    // SAFETY: the caller vouches for the extents; the feature is enabled here. 8×2 + 2 of 32 registers.
    unsafe { job.run::<__m512, 8, 2>() }
}

/// A checked product, ready for the kernels.
#[derive(Clone, Copy)]
struct Job {
    size: Size,
    a: *const f32,
    row: usize,
    column: usize,
    b: *const f32,
    c: *mut f32,
    from: *const f32,
    from_row: usize,
}

impl Job {
    /// # Safety
    /// `a` holds m×k at its strides, `b` k×n, `c` m×n, `from` is null or n (m×n with `from_row` = n) numbers;
    /// n is a multiple of [`LANES`]; the machine has the instructions of `V`.
    #[inline(always)]
    unsafe fn run<V: Vector, const ROWS: usize, const VECTORS: usize>(self) {
        let mut j = 0;
        // SAFETY: each tile stays inside m×n by the conditions of the loops.
        unsafe {
            if self.size.m == 1 {
                while j + 8 * V::WIDTH <= self.size.n {
                    self.tile::<V, 1, 8>(0, j);
                    j += 8 * V::WIDTH;
                }
            }
            while j + VECTORS * V::WIDTH <= self.size.n {
                self.stripe::<V, ROWS, VECTORS>(j);
                j += VECTORS * V::WIDTH;
            }
            while j < self.size.n {
                self.stripe::<V, ROWS, 1>(j);
                j += V::WIDTH;
            }
        }
    }

    /// All rows of a stripe of columns. # Safety: as [`Job::run`], and the stripe lies inside n.
    #[inline(always)]
    unsafe fn stripe<V: Vector, const ROWS: usize, const VECTORS: usize>(&self, j: usize) {
        let mut i = 0;
        // SAFETY: as above.
        unsafe {
            while i + ROWS <= self.size.m {
                self.tile::<V, ROWS, VECTORS>(i, j);
                i += ROWS;
            }
            while i + 2 <= self.size.m {
                self.tile::<V, 2, VECTORS>(i, j);
                i += 2;
            }
            while i < self.size.m {
                self.tile::<V, 1, VECTORS>(i, j);
                i += 1;
            }
        }
    }

    /// The block of `C` at (i, j), kept in registers. # Safety: as [`Job::run`], and the block lies inside m×n.
    #[inline(always)]
    #[allow(clippy::indexing_slicing)] // arrays of constant length, indexed by constants once unrolled
    unsafe fn tile<V: Vector, const ROWS: usize, const VECTORS: usize>(&self, i: usize, j: usize) {
        let n = self.size.n;
        // SAFETY: every pointer stays inside the extents of `run`.
        unsafe {
            let mut sum = [[V::splat(0.0); VECTORS]; ROWS];
            if !self.from.is_null() {
                let from = self.from.add(i * self.from_row + j);
                for r in 0..ROWS {
                    for v in 0..VECTORS {
                        sum[r][v] = V::load(from.add(r * self.from_row + v * V::WIDTH));
                    }
                }
            }
            let mut a = self.a.wrapping_add(i * self.row);
            let mut b = self.b.wrapping_add(j);
            for _ in 0..self.size.k {
                let mut right = [V::splat(0.0); VECTORS];
                for v in 0..VECTORS {
                    right[v] = V::load(b.add(v * V::WIDTH));
                }
                for r in 0..ROWS {
                    let left = V::splat(*a.add(r * self.row));
                    for v in 0..VECTORS {
                        sum[r][v] = sum[r][v].add_product(left, right[v]);
                    }
                }
                a = a.wrapping_add(self.column);
                b = b.wrapping_add(n);
            }
            let c = self.c.add(i * n + j);
            for r in 0..ROWS {
                for v in 0..VECTORS {
                    sum[r][v].store(c.add(r * n + v * V::WIDTH));
                }
            }
        }
    }
}

/// A register of `f32`. Every method: # Safety: the machine has the instructions; pointers hold `WIDTH` numbers.
trait Vector: Copy {
    const WIDTH: usize;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
}

impl Vector for [f32; 4] {
    const WIDTH: usize = 4;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for four numbers; `f32` arrays have the alignment of `f32`.
        unsafe { from.cast::<Self>().read() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as `load`.
        unsafe { to.cast::<Self>().write(self) }
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        // Not `mul_add`: without the instruction that is a call of the C library.
        let ([s0, s1, s2, s3], [a0, a1, a2, a3], [b0, b1, b2, b3]) = (self, a, b);
        [s0 + a0 * b0, s1 + a1 * b1, s2 + a2 * b2, s3 + a3 * b3]
    }
}

macro_rules! vector {
    ($register:ty, $width:literal, $splat:ident, $load:ident, $store:ident, $fma:ident) => {
        #[cfg(target_arch = "x86_64")]
        impl Vector for $register {
            const WIDTH: usize = $width;
            #[inline(always)]
            unsafe fn splat(x: f32) -> Self {
                // SAFETY: the caller vouches for the instruction.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: the caller vouches for the instruction and the pointer; it need not be aligned.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: as `load`.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                // SAFETY: the caller vouches for the instruction.
                unsafe { $fma(a, b, self) }
            }
        }
    };
}
vector!(__m256, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps);
vector!(__m512, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps);

/// Compiles one plain loop for each instruction set; the body's first constant says whether fused
/// multiply-add is an instruction there.
macro_rules! for_each_isa {
    ($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) = $module:ident :: $body:ident, $avx2:ident, $avx512:ident) => {
        $(#[$doc])*
        pub fn $name(isa: Isa, $($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn $avx2($($argument: $type),*) {
                $module::$body::<true>($($argument),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            fn $avx512($($argument: $type),*) {
                $module::$body::<true>($($argument),*)
            }
            match isa.0 {
                Kind::Portable => $module::$body::<false>($($argument),*),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `Isa` exists only where the feature was detected.
                Kind::Avx2 => unsafe { $avx2($($argument),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `Isa` exists only where the feature was detected.
                Kind::Avx512 => unsafe { $avx512($($argument),*) },
            }
        }
    };
}
for_each_isa! {
    /// `activation::apply` for an instruction set.
    activate(activation: Activation, z: &mut [f32]) = activation::apply, activate_avx2, activate_avx512
}
for_each_isa! {
    /// `activation::apply_with_slope` for an instruction set.
    activate_with_slope(activation: Activation, z: &mut [f32], slope: &mut [f32]) =
        activation::apply_with_slope, slope_avx2, slope_avx512
}
for_each_isa! {
    /// `adam::update` for an instruction set.
    adam_update(rates: &adam::Rates, parameters: &mut [f32], gradient: &[f32], m: &mut [f32], v: &mut [f32]) =
        adam::update, adam_avx2, adam_avx512
}
for_each_isa! {
    /// `adam::add` for an instruction set: `to` += `from`.
    add(to: &mut [f32], from: &[f32]) = adam::add, add_avx2, add_avx512
}
