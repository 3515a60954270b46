//! Training allocates before its first step and after its last, never between: more steps, not more memory.
#![allow(unsafe_code)] // a counting allocator
#![allow(non_snake_case)]
use franka_imit::demonstration::{Dataset, Example, LabelledBy};
use franka_imit::kinematics::{Point, hand_tool};
use franka_imit::learn::train::{Options, Perturbed, train};
use franka_imit::policy;
use franka_imit::sde::Form;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

struct Counting;
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
/// Bytes in use, and the most that ever were.
static LIVE: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let live = LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed) + layout.size() as isize;
        MOST.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system's condition.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system's condition.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn more_steps_allocate_no_more() {
    let examples = (0..300).map(|i| {
        let t = 0.02 * f64::from(i);
        Example { O_p_EE: Point::new(t.cos(), t.sin(), t), q: std::array::from_fn(|j| (t + j as f64).sin()) }
    });
    let data = Dataset {
        examples: examples.collect(),
        F_T_EE: hand_tool(),
        source: "a helix".into(),
        labelled_by: LabelledBy::File,
    };
    let shape = policy::Options { hidden: vec![16, 20], ..policy::Options::default() };
    let run = |steps, batch, threads, form| {
        let options = Options { steps, batch, threads, targets: 200, ..Options::default() };
        let mut draw = |example: &Example| Some(*example);
        let perturbed = Perturbed { lambda: 0.5, form, demonstrations: vec![], draw: &mut draw };
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let trained = train(&data, &shape, Some(perturbed), &options, &mut |_| {}).unwrap();
        let count = ALLOCATIONS.load(Ordering::Relaxed) - before;
        drop(trained);
        count
    };
    // The test's own harness has a thread that allocates as it likes, which only ever adds.
    let allocations = |steps, batch, threads, form| (0..3).map(|_| run(steps, batch, threads, form)).min();
    for batch in [0, 64] {
        for (threads, form) in [(1, Form::Target), (2, Form::Target), (1, Form::Task), (2, Form::Task)] {
            let warm = allocations(2, batch, threads, form);
            let case = format!("batch {batch}, {threads} threads, {form:?}");
            assert_eq!(allocations(2, batch, threads, form), warm, "{case}");
            assert_eq!(allocations(1000, batch, threads, form), warm, "{case}: a step allocates");
        }
    }
    // And little before the first one: the original's network and data, both threads.
    LIVE.store(0, Ordering::Relaxed);
    MOST.store(0, Ordering::Relaxed);
    let original = Options { steps: 2, threads: 2, ..Options::original() };
    let data = Dataset { examples: data.examples.iter().cycle().take(1894).copied().collect(), ..data };
    train(&data, &policy::Options::original(), None, &original, &mut |_| {}).unwrap();
    let mib = MOST.load(Ordering::Relaxed) >> 20;
    assert!(mib <= 64, "training took {mib} MiB");
}
