//! A calibration as people read it.

use std::fmt::Write as _;

use crate::foundation::units::HumanDuration;
use crate::instruments::telemetry::calibration::{Calibration, Noise, Quantiles};
use crate::report::number::{NO_DATA, Scale};

/// The whole calibration.
pub fn table(calibration: &Calibration) -> String {
    let mut text = String::new();
    about(&mut text, calibration);
    rates(&mut text, calibration);
    streams(&mut text, calibration);
    cpu(&mut text, calibration);
    noise(&mut text, calibration);
    text
}

fn about(text: &mut String, calibration: &Calibration) {
    let machine = &calibration.machine;
    let cores = machine.cores.map(|cores| format!("{cores} cores"));
    let facts: Vec<String> = [machine.cpu_model.clone(), cores, machine.kernel.clone()]
        .into_iter()
        .flatten()
        .collect();
    let within = std::time::Duration::try_from_secs_f64(calibration.within_s).unwrap_or_default();
    let _ = write!(
        text,
        "{}\nplimsoll {}, measured {} within {}\nClient and {} shared the machine: a target elsewhere leaves it more.\n",
        facts.join(", "),
        calibration.version,
        calibration.measured,
        HumanDuration(within),
        match calibration.simulators {
            1 => "a simulator".to_owned(),
            many => format!("{many} simulators"),
        }
    );
    if calibration.repeated > 0 {
        let _ = writeln!(
            text,
            "Cells were measured again, since something else had disturbed them, so often: {}.",
            calibration.repeated
        );
    }
}

fn rates(text: &mut String, calibration: &Calibration) {
    let mut rows = vec![
        [
            "plain requests",
            "late p50",
            "p99",
            "max",
            "answers off by p50",
            "p99",
            "",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for figures in &calibration.rates {
        let mut row = vec![format!("{}/s", figures.rate)];
        row.extend(times(figures.lateness, true));
        row.extend(times(figures.service_error, false));
        row.push(match figures.first_reason() {
            _ if figures.truthful => String::new(),
            // The first says enough; all of them are in the file.
            Some(reason) => format!("no: {reason}"),
            None => "no".to_owned(),
        });
        rows.push(row);
    }
    aligned(text, &rows);
    let highest = match &calibration.highest_rate {
        Some(highest) => {
            let rate = format!("{}/s", highest.value);
            let limit = highest.limit.as_ref();
            rate + &limit.map_or_else(String::new, |limit| format!(" ({limit})"))
        }
        None => "none of those that were tried".to_owned(),
    };
    let _ = writeln!(text, "highest rate offered truthfully: {highest}");
}

fn streams(text: &mut String, calibration: &Calibration) {
    let head = [
        "streams",
        "answers",
        "TTFT off by p50",
        "p99",
        "gaps off by p50",
        "p99",
        "",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for figures in &calibration.streams {
        // Of how few a p99 may be.
        let answers = figures.ttft_error.map_or(0, |error| error.n);
        let mut row = vec![figures.streams.to_string(), answers.to_string()];
        row.extend(times(figures.ttft_error, false));
        row.extend(times(figures.gap_error, false));
        row.push(match figures.first_reason() {
            _ if figures.valid => String::new(),
            Some(reason) => format!("no: {reason}"),
            None => "the generator was not fit".to_owned(),
        });
        rows.push(row);
    }
    aligned(text, &rows);
}

fn cpu(text: &mut String, calibration: &Calibration) {
    let time = |seconds: Option<f64>| {
        seconds.map_or_else(
            || NO_DATA.to_owned(),
            |seconds| format!("{:.1} µs", seconds * 1e6),
        )
    };
    let _ = writeln!(
        text,
        "\nprocessor time of the client: {} a plain request, {} a token",
        time(calibration.cpu.request_s),
        time(calibration.cpu.token_event_s)
    );
    if let Some(missing) = &calibration.cpu.missing {
        let _ = writeln!(text, "{NO_DATA}: {missing}");
    }
}

fn noise(text: &mut String, calibration: &Calibration) {
    let noise = &calibration.noise;
    let title = format!("A/A, {} pairs", noise.blocks);
    let head = [
        title.as_str(),
        "value",
        "noise (cv)",
        "smallest visible change",
        "",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(
        noise
            .metrics
            .iter()
            .map(|(metric, noise)| one(metric, noise)),
    );
    aligned(text, &rows);
    if noise.false_alarms > 0 {
        let _ = writeln!(
            text,
            "{} of these were called changed, though nothing had: do not gate on this machine",
            noise.false_alarms
        );
    }
    if !noise.valid {
        text.push_str(
            "the generator was not fit meanwhile: measure again while nothing else runs\n",
        );
    }
}

fn one(metric: &str, noise: &Noise) -> Vec<String> {
    let value = if metric.ends_with("throughput") {
        Scale::PerSecond.with_unit(noise.value)
    } else {
        Scale::Milliseconds.with_unit(noise.value)
    };
    let percent = |share: f64| Scale::Percent.with_unit(share);
    vec![
        metric.to_owned(),
        value,
        percent(noise.cv),
        noise
            .smallest_visible
            .map_or_else(|| NO_DATA.to_owned(), percent),
        String::new(),
    ]
}

/// Median, p99 and, where it is asked for, the greatest.
fn times(times: Option<Quantiles>, greatest: bool) -> Vec<String> {
    let shown = |of: fn(&Quantiles) -> f64| {
        times.as_ref().map_or_else(
            || NO_DATA.to_owned(),
            |times| Scale::Milliseconds.with_unit(of(times)),
        )
    };
    let mut texts = vec![shown(|times| times.p50_s), shown(|times| times.p99_s)];
    if greatest {
        texts.push(shown(|times| times.max_s));
    }
    texts
}

/// Rows after a blank line: the first column to the left, the last as it is, the others to the right.
fn aligned(text: &mut String, rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let wide = |column: usize| {
        let texts = rows.iter().filter_map(|row| row.get(column));
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    text.push('\n');
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ if column + 1 == columns => write!(line, "  {cell}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
