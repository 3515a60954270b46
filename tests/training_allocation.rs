//! Training allocates before its first step and after its last, never between: more steps, not more memory.
#![allow(unsafe_code)] // a counting allocator
#![allow(non_snake_case)]
use franka_imit::demonstration::{Dataset, Example, LabelledBy};
use franka_imit::kinematics::{Point, hand_tool};
use franka_imit::learn::train::{Options, Perturbed, train};
use franka_imit::policy;
use franka_imit::sde::Form;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system's condition.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
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
    let allocations = |steps, batch| {
        let options = Options { steps, batch, targets: 200, ..Options::default() };
        let mut draw = |example: &Example| Some(*example);
        let perturbed =
            Perturbed { lambda: 0.5, form: Form::Target, demonstrations: vec![], draw: &mut draw };
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let trained = train(&data, &shape, Some(perturbed), &options, &mut |_| {}).unwrap();
        let count = ALLOCATIONS.load(Ordering::Relaxed) - before;
        drop(trained);
        count
    };
    for batch in [0, 64] {
        let warm = allocations(2, batch);
        assert_eq!(allocations(2, batch), warm);
        assert_eq!(allocations(2000, batch), warm, "batch {batch}: a step allocates");
    }
}
