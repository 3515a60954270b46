//! What a run says of its control thread: where it was put, and what it used of the machine.
mod cli;

use cli::Folder;
use franka_imit::robot::realtime;

#[test]
fn our_part_of_a_drive_allocates_nothing_and_the_drivers_part_is_counted() {
    let folder = Folder::new();
    folder
        .run("run --sim --pace lockstep --duration-s 1 --report r.json")
        .says(0, &["done, at rest", "allocations 0 of ours", "a cycle of the driver's", "page faults"]);
    let report = folder.json("r.json");
    let usage = &report["control_thread"];
    for key in ["allocations", "frees", "bytes"] {
        assert_eq!(usage["allocations"][key], 0, "{usage}");
    }
    // Two buffers for states and one for the command; one more when states come faster than they are taken.
    let cycles = report["cycles"].as_f64().expect("cycles");
    let per_cycle = usage["driver_allocations_per_cycle"].as_f64().expect("a number");
    let bytes = usage["driver_allocations"]["bytes"].as_f64().expect("a number") / cycles;
    assert!((2.5..6.0).contains(&per_cycle), "{usage}");
    assert!((2000.0..16_000.0).contains(&bytes), "{usage}");
    for key in ["page_faults_first_s", "page_faults_later"] {
        assert!(usage[key]["minor"].is_u64() && usage[key]["major"].is_u64(), "{usage}");
    }
    let share = usage["cpu_share"].as_f64().expect("a number");
    assert!(share > 0.0 && share < 0.9, "the thread sleeps between states: {usage}");
}

#[test]
fn memory_that_is_all_locked_is_not_faulted_in_once_the_drive_has_begun() {
    let folder = Folder::new();
    folder.run("run --sim --pace lockstep --duration-s 2 --report r.json").says(0, &[]);
    let report = folder.json("r.json");
    if report["robot"]["realtime"]["memory_locked"] == true {
        let later = &report["control_thread"]["page_faults_later"];
        assert_eq!((&later["minor"], &later["major"]), (&0.into(), &0.into()), "{report}");
    }
}

#[test]
fn the_control_thread_is_pinned_where_it_is_told_to_be() {
    let first = *realtime::cores().first().expect("a core");
    let folder = Folder::new();
    let line =
        format!("run --sim --pace lockstep --duration-s 0.5 --no-fine-tune --pin {first} --report r.json");
    folder.run(&line).says(0, &[&format!("core {first}")]);
    assert_eq!(folder.json("r.json")["robot"]["realtime"]["core"], first);
}

#[test]
fn a_core_that_is_not_ours_is_refused_with_those_that_are() {
    let cores = format!("allowed {:?}", realtime::cores());
    Folder::new().run("run --sim --pin 1000").refused(2, &["--pin 1000", &cores]);
}
