//! What each thread has asked of the allocator. Nothing is counted until a program makes [`Counting`] its own; one of
//! the few places with `unsafe`, since an allocator is made of nothing else.
#![allow(unsafe_code)]
use serde::Serialize;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator with a counter for each thread: an addition or two a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// What a thread has asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Pieces of memory taken, or made larger or smaller.
    pub allocations: u64,
    /// Pieces given back.
    pub frees: u64,
    /// Bytes taken.
    pub bytes: u64,
}

thread_local! {
    // Constant and without a destructor: reading it neither allocates nor fails, not even at a thread's end.
    static COUNT: Cell<Count> = const { Cell::new(Count { allocations: 0, frees: 0, bytes: 0 }) };
}

impl Count {
    /// All that the calling thread has asked for so far.
    pub fn of_this_thread() -> Count {
        COUNT.get()
    }

    /// What was asked for since `before`.
    pub fn since(self, before: Count) -> Count {
        Count {
            allocations: self.allocations - before.allocations,
            frees: self.frees - before.frees,
            bytes: self.bytes - before.bytes,
        }
    }

    /// Both together.
    pub fn plus(self, other: Count) -> Count {
        Count {
            allocations: self.allocations + other.allocations,
            frees: self.frees + other.frees,
            bytes: self.bytes + other.bytes,
        }
    }

    /// Calls of the allocator: 0 is what real-time code owes.
    pub fn calls(self) -> u64 {
        self.allocations + self.frees
    }
}

/// Whether this program counts at all.
pub fn is_counted() -> bool {
    let before = Count::of_this_thread();
    drop(std::hint::black_box(Box::new(0_u8)));
    Count::of_this_thread().since(before).calls() > 0
}

fn taken(bytes: usize) {
    let Count { allocations, frees, bytes: before } = COUNT.get();
    COUNT.set(Count { allocations: allocations + 1, frees, bytes: before + bytes as u64 });
}

// SAFETY: every call goes on to the system's allocator unchanged, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        taken(size);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let count = COUNT.get();
        COUNT.set(Count { frees: count.frees + 1, ..count });
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
