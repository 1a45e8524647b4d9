//! What is said of a comparison beside its rows: the verdict in one sentence, what was compared and how, counts, notes.

use crate::compare::{Design, Diff, Verdict};
use crate::report::escape;
use crate::report::number::Scale;

/// The whole verdict in one sentence.
pub fn sentence(diff: &Diff) -> String {
    let summary = &diff.summary;
    if summary.gates == 0 && summary.declared > 0 {
        let declared = counted(summary.declared, "declared gate");
        return format!("None of {declared} could be compared: the comparison is void");
    }
    if summary.gates == 0 {
        return "No gate was compared: nothing here can fail or pass".to_owned();
    }
    let mut parts = vec![format!(
        "{} of {} regressed",
        summary.regressed,
        counted(summary.gates, "gate")
    )];
    let further = [
        (summary.invalid, "void"),
        (summary.improved, "improved"),
        (summary.ok, "within tolerance"),
        (summary.inconclusive, "inconclusive"),
    ];
    parts.extend(
        further
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}")),
    );
    let mut sentence = parts.join(", ");
    if !diff.refusals.is_empty() {
        sentence.push_str("; the comparison cannot gate");
    } else if summary.refused > 0 {
        sentence = format!("{sentence}; {} cannot gate", summary.refused);
    }
    sentence
}

/// What was compared and how.
pub fn context(diff: &Diff, most: usize) -> String {
    let side = |side: &crate::compare::Side| {
        let commit = side
            .git_commit
            .as_deref()
            .map(|commit| format!(" ({})", escape::shorten(commit, 12)));
        format!(
            "{}{}",
            escape::shorten(&side.label, most),
            commit.unwrap_or_default()
        )
    };
    let summary = &diff.summary;
    let design = match &diff.design {
        Design::Paired { by } => format!(
            "{} blocks, paired by {}",
            summary.blocks,
            escape::shorten(&by.axis, most)
        ),
        Design::Stored => format!("{} repeats of each of two runs, unpaired", summary.blocks),
    };
    let machine = diff.head.cpu_model.as_deref().map(|cpu| {
        let cores = diff.head.cores.map(|cores| format!(", {cores} cores"));
        format!(
            " · {}{}",
            escape::shorten(cpu, most),
            cores.unwrap_or_default()
        )
    });
    format!(
        "{}: base {} → head {} · {design} · false discovery rate {} over {} gates{}",
        escape::shorten(&diff.scenario, most),
        side(&diff.base),
        side(&diff.head),
        Scale::Percent.with_unit(summary.false_discovery_rate),
        summary.gates,
        machine.unwrap_or_default(),
    )
}

/// How many gates are within tolerance; `None` where none is.
pub fn rest_title(diff: &Diff) -> Option<String> {
    let ok = diff.summary.ok;
    (ok > 0).then(|| format!("{} within tolerance", counted(ok, "gate")))
}

/// How many values were compared beside the gates; `None` where none was.
pub fn advisory_title(diff: &Diff) -> Option<String> {
    let count = |verdict: Verdict| {
        diff.advisory
            .iter()
            .filter(|row| row.verdict == verdict)
            .count()
    };
    let (all, worse, better) = (
        diff.advisory.len(),
        count(Verdict::Regressed),
        count(Verdict::Improved),
    );
    (all > 0).then(|| {
        let values = counted(all as u64, "value");
        format!("{values} compared beside the gates: {worse} worse, {better} better")
    })
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What is neither a row nor a refusal.
pub fn notes(diff: &Diff, most: usize, text: usize) -> Vec<String> {
    let listed = |ids: &[String], what: &str| {
        let shown: Vec<String> = ids
            .iter()
            .take(most)
            .map(|id| escape::shorten(id, text))
            .collect();
        let left_out = ids.len().saturating_sub(most);
        let more = if left_out > 0 {
            format!(" and {left_out} more")
        } else {
            String::new()
        };
        (!ids.is_empty()).then(|| format!("{what}: {}{more}", shown.join("; ")))
    };
    let loosened: Vec<String> = diff
        .loosened
        .iter()
        .map(|gate| {
            let now = gate.head.map_or_else(
                || "dropped".to_owned(),
                |head| Scale::Percent.with_unit(head),
            );
            format!(
                "{} from {} to {now}",
                gate.metric,
                Scale::Percent.with_unit(gate.base)
            )
        })
        .collect();
    [
        listed(
            &diff.only_in_base,
            &format!("{} only in base", diff.only_in_base.len()),
        ),
        listed(
            &diff.only_in_head,
            &format!("{} only in head", diff.only_in_head.len()),
        ),
        listed(
            &loosened,
            &format!(
                "{} loosened by head",
                counted(loosened.len() as u64, "gate")
            ),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
