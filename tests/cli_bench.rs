//! `bench` tells every figure, warm and cold, on whatever machine it runs.
mod cli;

use cli::Folder;

#[test]
fn every_figure_is_there_with_median_and_p99_warm_and_cold() {
    let folder = Folder::new();
    folder.write("quick.toml", "[training]\nsteps = 400\ntargets = 1000\n");
    folder
        .run("bench --config quick.toml --report b.json")
        .says(0, &["forward", "sgemm", "plant", "GFLOP/s"]);
    let report = folder.json("b.json");
    let two = report["cores"].as_u64() > Some(1);
    let mut figures: Vec<_> =
        ["forward_us", "forward_default_us", "ik_us", "tick_us", "limiter_us", "plant_step_us"]
            .map(|key| (key.to_owned(), report[key].clone()))
            .into();
    for key in ["train_gflops", "sgemm_gflops"] {
        figures.push((format!("{key} 1"), report[key]["threads_1"].clone()));
        if two {
            figures.push((format!("{key} 2"), report[key]["threads_2"].clone()));
        }
    }
    for (key, figure) in figures {
        for state in ["warm", "cold"] {
            let number = |quantile: &str| figure[state][quantile].as_f64().expect("a number");
            let (median, p99) = (number("median"), number("p99"));
            assert!(median > 0.0 && p99 > 0.0, "{key} {state}: {figure}");
            // A slow call is a long time, or a low rate.
            assert_eq!(p99 >= median, key.ends_with("_us") || p99 == median, "{key} {state}: {figure}");
        }
    }
}
