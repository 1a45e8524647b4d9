//! The same simulator measured by oha (<https://github.com/hatoo/oha>), which nobody here wrote, below saturation: p50 and
//! p99 agree within 5 % (ci.md D-28).
//!
//! ```sh
//! cargo install oha --locked
//! PLIMSOLL_OHA=$(command -v oha) cargo test --release --test truth oha -- --ignored --nocapture
//! ```

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::Mock;
use crate::{measured, statistic};

/// Rounds, in each of which the two take turns.
const ROUNDS: usize = 3;
/// Requests of a round: the simulator's services of a thousand in a row have their distribution's own percentiles.
const REQUESTS: u32 = 1000;

/// 50 ms at the median, 100 ms at p99: 5 % are far above what either tool's timers can be wrong by.
const PROFILE: &str = "{ seed: 7, service: { kind: lognormal, median: 50ms, sigma: 0.3 } }";

/// How a load is asked of both.
struct Load {
    name: &'static str,
    ours: String,
    theirs: Vec<String>,
}

fn loads() -> [Load; 2] {
    let requests = REQUESTS.to_string();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    [
        Load {
            name: "open loop, 150 a second",
            ours: format!("{{ rate: 150, requests: {REQUESTS} }}"),
            theirs: words(&[
                "-q",
                "150",
                "--latency-correction",
                "-c",
                "100",
                "-n",
                &requests,
            ]),
        },
        Load {
            name: "closed loop of 8",
            ours: format!("{{ concurrency: 8, requests: {REQUESTS} }}"),
            theirs: words(&["-c", "8", "-n", &requests]),
        },
    ]
}

/// p50 and p99 of e2e in seconds, by us.
fn by_us(folder: &Path, base_url: &str, load: &Load) -> [f64; 2] {
    let scenario = format!(
        "version: 1
name: cross-check
targets: {{ mock: {{ protocol: http, path: /hello, base_url: \"{base_url}\" }} }}
load: {}
",
        load.ours
    );
    let (_, results) = measured(folder, &scenario);
    std::fs::remove_dir_all(folder.join("out")).unwrap();
    let cell = &results["cells"][0];
    assert_eq!(cell["requests"]["ok"], REQUESTS);
    ["p50", "p99"].map(|name| statistic(cell, "e2e", name))
}

/// The same, by oha.
fn by_oha(oha: &str, base_url: &str, load: &Load) -> [f64; 2] {
    let ended = Command::new(oha)
        .args(["--no-tui", "--output-format", "json"])
        .args(&load.theirs)
        .arg(format!("{base_url}/hello"))
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let told: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(told["summary"]["successRate"], 1.0);
    ["p50", "p99"].map(|name| told["latencyPercentiles"][name].as_f64().unwrap())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
#[ignore = "needs oha, in PLIMSOLL_OHA"]
fn oha_sees_the_same_percentiles_of_the_same_server() {
    let oha = std::env::var("PLIMSOLL_OHA").expect("PLIMSOLL_OHA names oha's binary");
    for load in loads() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen: [Vec<[f64; 2]>; 2] = Default::default();
        for _ in 0..ROUNDS {
            // Each has a server of its own, so that both meet the same thousand services.
            let mock = Mock::start(folder.path(), PROFILE, &[]);
            seen[0].push(by_us(folder.path(), &mock.base_url, &load));
            drop(mock);
            let mock = Mock::start(folder.path(), PROFILE, &[]);
            seen[1].push(by_oha(&oha, &mock.base_url, &load));
        }
        for (place, name) in ["p50", "p99"].into_iter().enumerate() {
            let [ours, theirs] =
                [0, 1].map(|who| median(seen[who].iter().map(|both| both[place]).collect()));
            eprintln!(
                "{}, {name}: {:.3} ms by us, {:.3} ms by oha, {:+.2} %",
                load.name,
                ours * 1e3,
                theirs * 1e3,
                (ours / theirs - 1.0) * 100.0
            );
            assert!(
                (ours / theirs - 1.0).abs() < 0.05,
                "{}, {name}: {ours} by us, {theirs} by oha",
                load.name
            );
        }
    }
}
