//! From records to a report: journals that are written as `load` writes them, and what becomes of them.

use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::foundation::clock::Clock;
use crate::foundation::units::Offset;
use crate::instruments::record::journal::{self, Contents};
use crate::instruments::record::{
    Attempt, Clocks, Commit, Counts, Ended, Outcome, OwnFigures, Phase, Tokens, TokensSource,
    Traffic,
};
use crate::instruments::table::{COLUMNS, Table};
use crate::kinds::metric::{CellContext, aggregate};
use crate::load::Stop;
use crate::plan::{self, Cell};
use crate::scenario::{self, ReadOptions};

const MS: u64 = 1_000_000;

/// Two cells, of which the tests make the records: 8 clients, and 64.
const SCENARIO: &str = "
version: 1
name: records
targets:
  t: { protocol: openai-chat, base_url: 'http://127.0.0.1:1' }
datasets:
  d: { kind: prompts, task: chat, rows: [{ prompt: hello }] }
matrix: { concurrency: [8, 64] }
load: { requests: 10, repeats: 2 }
slo: { request: { e2e: 150ms } }
";

struct Unwatched(Stop);

impl Watcher for Unwatched {
    fn event(&self, _: &Event<'_>) {}
    fn figures(&self, _: &crate::load::Figures) {}
}

impl Signals for Unwatched {
    fn stop(&self) -> &Stop {
        &self.0
    }

    fn ending(&self) -> Option<Ending> {
        None
    }

    fn suspensions(&self) -> u32 {
        0
    }
}

fn scenario(folder: &Path) -> (Scenario, Plan) {
    let file = folder.join("a.yaml");
    std::fs::write(&file, SCENARIO).unwrap();
    let Ok(loaded) = scenario::read(&file, &ReadOptions::default()) else {
        panic!("the scenario is whole")
    };
    let Ok(plan) = plan::expand(&loaded.scenario) else {
        panic!("the scenario has cells")
    };
    (loaded.scenario, plan)
}

/// An answer that was streamed: content each 5 ms or so, one in a hundred of them lost halfway.
fn streamed(index: u64) -> Attempt {
    let draw = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let scheduled = index * 12_500;
    let sent = scheduled + 2_000 + draw % 3_000;
    let first = sent + 20 * MS + draw % (4 * MS);
    let gaps: Vec<u64> = (0..4 + draw % 4)
        .map(|gap| 5 * MS + (draw >> gap) % 100_000)
        .collect();
    let last = first + gaps.iter().sum::<u64>();
    let at = |at| Some(Offset::from_nanos(at));
    let cut = index % 100 == 99;
    Attempt {
        phase: Phase::Measured,
        index,
        attempt: 1,
        dataset_row: Some(index % 1000),
        clocks: Clocks {
            scheduled: Offset::from_nanos(scheduled),
            sent: at(sent),
            connected: None,
            first_byte: at(first - 1000),
            first_content: at(first),
            first_answer: at(first),
            last_content: at(last),
            end: at(last + 30_000),
        },
        outcome: if cut { Outcome::Invalid } else { Outcome::Ok },
        http_status: Some(200),
        error: cut.then(|| "the stream ended before its end mark".to_owned()),
        traffic: Traffic {
            bytes_sent: 180,
            bytes_received: 900 + draw % 300,
            image_bytes: None,
            reused: true,
        },
        tokens: Tokens {
            input: Some(12 + index % 40),
            output: Some(gaps.len() as u64 + 1),
            reasoning: None,
            source: Some(TokensSource::Usage),
        },
        chunks: gaps.len() as u64 + 1,
        gaps_ns: gaps,
        choices: 1,
        workload: None,
        row_slo_ms: None,
        params: r#"{"max_tokens":8,"temperature":0.0}"#.to_owned(),
        server: BTreeMap::from([("cached_tokens".to_owned(), 0.0)]),
        notes: Vec::new(),
    }
}

/// A plain answer.
fn plain(index: u64) -> Attempt {
    let streamed = streamed(index);
    let sent = streamed.clocks.sent.unwrap().as_nanos();
    let took = 80_000 + index.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 400_000;
    Attempt {
        clocks: Clocks {
            first_byte: Some(Offset::from_nanos(sent + took - 5_000)),
            end: Some(Offset::from_nanos(sent + took)),
            first_content: None,
            first_answer: None,
            last_content: None,
            ..streamed.clocks
        },
        tokens: Tokens::default(),
        chunks: 0,
        gaps_ns: Vec::new(),
        params: "{}".to_owned(),
        server: BTreeMap::new(),
        ..streamed
    }
}

fn commit(cell: &Cell, repeat: u32, requests: u64) -> Commit {
    Commit {
        cell_key: cell.key.clone(),
        cell_id: cell.id.clone(),
        repeat,
        position: repeat,
        counts: Counts {
            intended: requests,
            ..Counts::default()
        },
        ended: Ended::Complete,
        own: OwnFigures::default(),
        suspensions: 0,
        addresses: Vec::new(),
        connections: Vec::new(),
        samples: Vec::new(),
        notes: Vec::new(),
    }
}

/// Writes a repeat in blocks as lanes hand them over, and commits it.
fn record(
    journal: &mut Journal,
    (cell, repeat): (&Cell, u32),
    attempts: impl Iterator<Item = Attempt>,
) {
    let mut block = Vec::new();
    let mut requests = 0;
    for attempt in attempts {
        block = journal::encode(&attempt, block).unwrap();
        requests += 1;
        if block.len() >= 64 << 10 {
            journal.block(&block).unwrap();
            block.clear();
        }
    }
    journal.block(&block).unwrap();
    journal.commit(&commit(cell, repeat, requests)).unwrap();
}

fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    let kib = peak.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// Says what a stage took, and returns what it made.
fn stage<T>(name: &str, clock: &Clock, work: impl FnOnce() -> T) -> T {
    let cpu = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (wall, before) = (clock.now(), cpu());
    let made = work();
    let after = cpu();
    let spent =
        (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
    println!(
        "{name:<28} {:8.2} s wall {spent:8.2} s CPU {:8.0} MiB peak",
        clock.now().since(wall).as_secs_f64(),
        peak_mib()
    );
    made
}

/// The bar of the engine's issue: ten million records to a whole report in 10 s and 2 GiB. `ROWS=…` makes it fewer.
#[test]
#[ignore = "makes ten million records; a measurement"]
#[expect(clippy::too_many_lines, reason = "a whole run but its load")]
fn records_become_a_report() {
    let rows: u64 = std::env::var("ROWS").map_or(10_000_000, |rows| rows.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (scenario, plan) = scenario(folder.path());
    let unwatched = Unwatched(Stop::default());
    let clock = Clock::real();
    let out = folder.path().join("out");
    let workplace = Workplace::claim(&out, Existing::Refuse, true).unwrap();
    stage("journal written", &clock, || {
        let mut journal = Journal::create(&workplace.journal()).unwrap();
        for repeat in [1, 2] {
            record(
                &mut journal,
                (&plan.cells[0], repeat),
                (0..rows / 4).map(streamed),
            );
            record(
                &mut journal,
                (&plan.cells[1], repeat),
                (0..rows / 4).map(plain),
            );
        }
    });
    if std::env::var("STAGES").is_ok() {
        stages(&scenario, &plan, &workplace, &clock);
    }
    let session = Session {
        scenario: &scenario,
        environment: &BTreeMap::new(),
        watcher: &unwatched,
        signals: &unwatched,
        template: None,
        calibration: None,
        out: &out,
        existing: Existing::Refuse,
        fail_fast: false,
        strict: false,
        options: Vec::new(),
        selection: None,
    };
    let facts = Facts {
        environment: Environment::default(),
        datasets: Vec::new(),
        searches: Vec::new(),
        ended: None,
    };
    let redactor = Redactor::new([]);
    let finished = stage("records to a whole report", &clock, || {
        finish::finish(&session, &plan, workplace, (facts, &redactor))
    });
    let Ok(finished) = finished else {
        panic!("there is no report")
    };
    let counted: u64 = finished
        .results
        .cells
        .iter()
        .map(|cell| cell.requests.intended)
        .sum();
    assert_eq!(counted, rows / 4 * 4);
    let again = stage("report DIR, figures again", &clock, || {
        crate::results::again(finished.results.clone(), &out.join("requests.parquet"))
    });
    assert!(again.is_ok(), "{:?}", again.err());
}

fn stages(scenario: &Scenario, plan: &Plan, workplace: &Workplace, clock: &Clock) {
    let contents = stage("journal read", clock, || {
        Contents::read(&workplace.journal()).unwrap()
    });
    stage("journal decoded", clock, || {
        for repeat in &contents.repeats {
            contents
                .attempts(repeat)
                .unwrap()
                .for_each(|attempt| drop(attempt.unwrap()));
        }
    });
    let path = workplace.part().join("stages.parquet");
    stage("requests.parquet written", clock, || {
        let Ok(bases) = records::Bases::measure(scenario, &plan.cells, &contents) else {
            panic!("nothing is estimated")
        };
        records::write(&path, (scenario, &bases), &plan.cells, &contents).is_ok()
    });
    let mib = std::fs::metadata(&path).unwrap().len() >> 20;
    println!("{mib} MiB of requests.parquet");
    let table = stage("table opened", clock, || Table::open(&path).unwrap());
    for cell in &plan.cells {
        let context = CellContext {
            id: cell.id.clone(),
            ..CellContext::default()
        };
        stage("a cell aggregated", clock, || {
            aggregate(&table, &[context]).unwrap()
        });
    }
    std::fs::remove_file(&path).unwrap();
}

/// What a process that makes so many records and their report takes: its most memory in MiB, and the processor time of
/// the report in µs a record.
fn cost_of(rows: u32) -> (f64, f64) {
    let ran = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "run::tests::records_become_a_report",
            "--nocapture",
        ])
        .env("ROWS", rows.to_string())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    let figure = |stage: &str, of: &str| -> f64 {
        let line = told.lines().rfind(|line| line.contains(stage));
        let before = line.and_then(|line| line.split(of).next());
        let figure = before.and_then(|before| before.split_whitespace().next_back()?.parse().ok());
        figure.unwrap_or_else(|| panic!("{told}\n{}", String::from_utf8_lossy(&ran.stderr)))
    };
    let cpu_s = figure("records to a whole report", "s CPU");
    (
        figure("figures again", "MiB peak"),
        cpu_s * 1e6 / f64::from(rows),
    )
}

#[test]
#[ignore = "makes a million records; a measurement"]
fn what_a_record_costs_does_not_grow_with_their_number() {
    let (few, many) = (cost_of(100_000), cost_of(1_000_000));
    // Kept whole, the records of one would take 240 MiB more than those of the other.
    assert!(
        many.0 < few.0 * 1.25,
        "{} MiB of 100,000 records, {} MiB of 1,000,000",
        few.0,
        many.0
    );
    // It is a third less; where each read went through all of the table, it was 1.6 times as much.
    assert!(
        many.1 < few.1 * 1.2,
        "{} µs a record of 100,000, {} µs of 1,000,000",
        few.1,
        many.1
    );
}

#[expect(clippy::too_many_lines, reason = "a value of each kind of row")]
fn any_attempt() -> impl Strategy<Value = Attempt> {
    let times = (
        0..1_u64 << 40,
        0..1_u64 << 30,
        0..1_u64 << 34,
        0..1_u64 << 20,
    );
    let text = "[a-z\\p{Greek}\\n\"]{0,20}";
    (
        times,
        0..8_u8,
        prop::collection::vec(0..1_u64 << 32, 0..6),
        text,
        any::<bool>(),
    )
        .prop_map(
            |((scheduled, queue, service, index), kind, gaps, text, warmup)| {
                let at = |at| Some(Offset::from_nanos(at));
                let sent = scheduled + queue;
                let whole = Attempt {
                    phase: if warmup {
                        Phase::Warmup
                    } else {
                        Phase::Measured
                    },
                    gaps_ns: gaps,
                    params: format!(r#"{{"n":{index}}}"#),
                    clocks: Clocks {
                        scheduled: Offset::from_nanos(scheduled),
                        sent: at(sent),
                        end: at(sent + service),
                        first_byte: at(sent + service / 2),
                        ..Clocks::default()
                    },
                    ..plain(index)
                };
                match kind {
                    0 => Attempt {
                        clocks: Clocks {
                            scheduled: Offset::from_nanos(scheduled),
                            ..Clocks::default()
                        },
                        outcome: Outcome::Unsent,
                        http_status: None,
                        error: None,
                        ..whole
                    },
                    1 => Attempt {
                        outcome: Outcome::Http(503),
                        http_status: Some(503),
                        error: Some(text),
                        ..whole
                    },
                    2 => Attempt {
                        outcome: Outcome::TimeoutFirstByte,
                        clocks: Clocks {
                            first_byte: None,
                            ..whole.clocks
                        },
                        ..whole
                    },
                    _ => whole,
                }
            },
        )
}

/// The rows of a table, column by column as text.
fn rows_of(path: &Path) -> Vec<Vec<String>> {
    let table = Table::open(path).unwrap();
    let rows = table.groups().last().map_or(0, |group| group.end);
    let columns: Vec<&str> = COLUMNS.into_iter().chain(["gaps_ns"]).collect();
    let frame = table.read(&columns, 0..rows).unwrap();
    let of_row = |row| {
        let value = |name: &&str| {
            let column = frame.column(name).unwrap();
            if *name == "gaps_ns" {
                let gaps = column.list().unwrap().get_as_series(row).unwrap();
                return format!("{:?}", gaps.i64().unwrap().to_vec());
            }
            column.get(row).unwrap().to_string()
        };
        columns.iter().map(value).collect()
    };
    (0..rows).map(of_row).collect()
}

/// The row that an attempt must become, of the columns that come from the attempt alone.
fn expected(attempt: &Attempt) -> BTreeMap<&'static str, String> {
    let clocks = &attempt.clocks;
    let stamp = |at: Option<Offset>| at.map_or("null".to_owned(), |at| at.as_nanos().to_string());
    let gaps: Vec<Option<u64>> = attempt.gaps_ns.iter().map(|gap| Some(*gap)).collect();
    BTreeMap::from([
        ("index", attempt.index.to_string()),
        ("phase", format!("\"{}\"", attempt.phase.name())),
        ("scheduled_ns", clocks.scheduled.as_nanos().to_string()),
        ("sent_ns", stamp(clocks.sent)),
        ("first_byte_ns", stamp(clocks.first_byte)),
        ("end_ns", stamp(clocks.end)),
        ("outcome", format!("\"{}\"", attempt.outcome)),
        (
            "error",
            attempt
                .error
                .as_ref()
                .map_or("null".to_owned(), |error| format!("\"{error}\"")),
        ),
        ("params", format!("\"{}\"", attempt.params)),
        ("gaps_ns", format!("{gaps:?}")),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// D-2 and D-3: whatever was recorded stands in the table as it was, `e2e = queue + service` in every row to the
    /// nanosecond, what was not sent included; and of a torn journal the committed repeats.
    #[test]
    fn records_stand_in_the_table_as_they_were_seen(
        first in prop::collection::vec(any_attempt(), 0..60),
        second in prop::collection::vec(any_attempt(), 1..30),
        torn in 1..40_u64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (scenario, plan) = scenario(folder.path());
        let (journal, path) = (folder.path().join("journal"), folder.path().join("rows.parquet"));
        let mut writer = Journal::create(&journal).unwrap();
        record(&mut writer, (&plan.cells[0], 1), first.iter().cloned());
        let whole = std::fs::metadata(&journal).unwrap().len();
        record(&mut writer, (&plan.cells[0], 2), second.iter().cloned());
        let length = std::fs::metadata(&journal).unwrap().len();
        let made = |attempts: &[&Attempt]| {
            let contents = Contents::read(&journal).unwrap();
            let bases = records::Bases::measure(&scenario, &plan.cells, &contents).ok().unwrap();
            let told = records::write(&path, (&scenario, &bases), &plan.cells, &contents);
            prop_assert!(told.is_ok());
            let rows = rows_of(&path);
            prop_assert_eq!(rows.len(), attempts.len());
            for (row, attempt) in rows.iter().zip(attempts) {
                let found = |name: &str| {
                    let place = COLUMNS.iter().position(|column| *column == name);
                    row[place.unwrap_or(COLUMNS.len())].clone()
                };
                for (name, expected) in expected(attempt) {
                    prop_assert_eq!(found(name), expected, "{}", name);
                }
                let stamp = |name| found(name).parse::<i64>().ok();
                if let (Some(sent), Some(end)) = (stamp("sent_ns"), stamp("end_ns")) {
                    let scheduled = stamp("scheduled_ns").unwrap();
                    let clocks = attempt.clocks;
                    let seen = |from: Offset, to: Option<Offset>| (to.unwrap().as_nanos() - from.as_nanos()).cast_signed();
                    let (queue, service) = (sent - scheduled, end - sent);
                    prop_assert_eq!(queue, seen(clocks.scheduled, clocks.sent));
                    prop_assert_eq!(service, seen(clocks.sent.unwrap(), clocks.end));
                    prop_assert_eq!(end - scheduled, queue + service);
                } else {
                    prop_assert_eq!(attempt.outcome, Outcome::Unsent);
                }
            }
            Ok(())
        };
        let both: Vec<&Attempt> = first.iter().chain(&second).collect();
        made(&both)?;
        // Cut anywhere within the second repeat: its commit is gone, and with it its rows.
        let cut = length - torn.min(length - whole);
        std::fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(cut).unwrap();
        let kept: Vec<&Attempt> = first.iter().collect();
        made(&kept)?;
    }
}
