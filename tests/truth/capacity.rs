//! Percentiles against the server's own stamps where the generator is busy (ci.md D-6).

use std::path::Path;

use serde_json::Value;

use crate::support::Mock;
use crate::{measured, scalar, statistic};

/// Distributions that answers take, with their means in seconds.
const SERVICES: [(&str, f64); 4] = [
    ("{ kind: constant, value: 20ms }", 0.02),
    ("{ kind: lognormal, median: 20ms, sigma: 0.4 }", 0.0217),
    (
        "{ kind: bimodal, median: 10ms, slow: 100ms, slow_share: 5% }",
        0.0145,
    ),
    ("{ kind: pareto, median: 10ms, shape: 2.5 }", 0.0167),
];

/// The first cell of a load against a server in another process.
fn cell(folder: &Path, base_url: &str, load: &str) -> Value {
    let scenario = format!(
        "version: 1
name: capacity
targets: {{ mock: {{ protocol: http, path: /hello, base_url: \"{base_url}\" }} }}
load: {load}
"
    );
    let (_, results) = measured(folder, &scenario);
    std::fs::remove_dir_all(folder.join("out")).unwrap();
    results["cells"][0].clone()
}

/// At 10, 50 and 80 % of what generator and server can do together on this machine: the percentiles of what we saw are
/// within max(0.5 ms, 2 %) of those of what the server says it took, and of the distribution's own at the least load.
#[test]
#[ignore = "timed: needs a machine that does nothing else, and a release build"]
fn percentiles_are_the_servers_own_at_a_tenth_a_half_and_four_fifths_of_the_capacity() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::start(folder.path(), "{}", &[]);
    let all_out = cell(
        folder.path(),
        &mock.base_url,
        "{ concurrency: 64, duration: 3s }",
    );
    let capacity = scalar(&all_out, "request_throughput");
    eprintln!("capacity: {capacity:.0} requests a second");
    drop(mock);
    let mut misses = Vec::new();
    for (service, mean) in SERVICES {
        let mock = Mock::start(folder.path(), &format!("{{ service: {service} }}"), &[]);
        for share in [0.1, 0.5, 0.8] {
            let rate = (share * capacity).round();
            let load = format!("{{ rate: {rate}, requests: {:.0} }}", rate * 4.0);
            let cell = cell(folder.path(), &mock.base_url, &load);
            eprintln!(
                "{service} at {rate}/s ({:.0} in flight): {}, lateness p99 {}",
                rate * mean,
                cell["validity"]["status"],
                cell["self_check"]["lateness_p99"]
            );
            for name in ["p50", "p90", "p99"] {
                let truth = statistic(&cell, "server.total_s", name);
                let seen = statistic(&cell, "e2e", name);
                eprintln!("  {name}: {:.3} ms for {:.3} ms", seen * 1e3, truth * 1e3);
                if (seen - truth).abs() > (0.02 * truth).max(0.0005) {
                    misses.push(format!("{service} at {share}, {name}: {seen} for {truth}"));
                }
            }
        }
    }
    assert!(misses.is_empty(), "{misses:#?}");
}
