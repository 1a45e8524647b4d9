//! The two looks at a cell's requests: the first adds up and counts; the second, which knows how long each repeat lasted
//! and where its quantiles lie, has the exact values.

use std::collections::BTreeMap;

use super::catalogue::Metric;
use super::distribution::{Distribution, shares};
use super::flight::InFlight;
use super::group::Groups;
use super::part::{Part, Requests};
use super::timeline::{Moment, Timeline};
use super::told::Told;
use super::totals::Sums;
use super::value::TimelinePoint;
use super::values::Slice;
use crate::instruments::statistics::Sample;

/// What has been seen of a cell.
pub(super) struct Looks {
    /// Its repeats, in their order.
    repeats: Vec<u32>,
    /// What each adds up to.
    pub(super) sums: Vec<Sums>,
    pub(super) groups: Groups,
    pub(super) distributions: BTreeMap<String, Distribution>,
    pub(super) told: Told,
    in_flight: Vec<InFlight>,
    timelines: Vec<Option<Timeline>>,
    /// Of each part and each repeat in it: when its earliest request was sent, and when its first one ended.
    earliest: Vec<Vec<(usize, (i64, i64))>>,
}

impl Looks {
    /// Of a cell that has at least these distributions, with or without values.
    pub(super) fn at(requests: &Requests<'_>, metrics: &[&'static Metric]) -> Self {
        let repeats = requests.repeats().to_vec();
        let empty = |metric: &&Metric| (metric.name.to_owned(), Distribution::of(repeats.len()));
        let distributions = metrics.iter().map(empty).collect();
        Self {
            sums: vec![Sums::default(); repeats.len()],
            in_flight: repeats.iter().map(|_| InFlight::default()).collect(),
            repeats,
            groups: Groups::default(),
            distributions,
            told: Told::default(),
            timelines: Vec::new(),
            earliest: Vec::new(),
        }
    }

    fn place(&self, repeat: u32) -> usize {
        self.repeats.partition_point(|other| *other < repeat)
    }

    /// Takes a part for the first time.
    pub(super) fn first(&mut self, part: &Part) {
        for ((repeat, _), sums) in part.repeats.iter().zip(&part.sums) {
            let place = self.place(*repeat);
            self.sums[place].add(sums);
        }
        if let Some(groups) = &part.groups {
            self.groups.add(groups);
        }
        self.distributions(part, Sample::look);
        self.told.add(&part.told);
        let earliest = part.repeats.iter().map(|(repeat, rows)| {
            let flights = part.stamps.flights(rows);
            let sent = flights.map(|(sent, _)| sent).min();
            let ended = part.stamps.end[rows.clone()]
                .iter()
                .flatten()
                .min()
                .copied();
            let earliest = (sent.unwrap_or(i64::MAX), ended.unwrap_or(i64::MAX));
            (self.place(*repeat), earliest)
        });
        let earliest = earliest.collect();
        self.earliest.push(earliest);
    }

    /// Prepares the second look, for these percentiles beside the usual ones.
    pub(super) fn again(&mut self, percentiles: &[f64]) {
        let shares = shares(percentiles);
        for distribution in self.distributions.values_mut() {
            distribution.want(&shares);
        }
        self.timelines = self
            .repeats
            .iter()
            .zip(&self.sums)
            .map(|(repeat, sums)| Some(Timeline::new(*repeat, sums.span()?)))
            .collect();
        // From here on: of the parts that follow each.
        let mut later = vec![(i64::MAX, i64::MAX); self.repeats.len()];
        for part in self.earliest.iter_mut().rev() {
            for (place, earliest) in part {
                let own = *earliest;
                *earliest = later[*place];
                let known = &mut later[*place];
                *known = (known.0.min(own.0), known.1.min(own.1));
            }
        }
    }

    /// Takes part `number` for the second time.
    pub(super) fn second(&mut self, number: usize, part: &Part) {
        self.distributions(part, Sample::look_again);
        let stamps = &part.stamps;
        for ((_, rows), (place, (sent, ended))) in part.repeats.iter().zip(&self.earliest[number]) {
            self.in_flight[*place].take(stamps.flights(rows), *sent);
            let Some(timeline) = &mut self.timelines[*place] else {
                continue;
            };
            let moment = |row: usize| Moment {
                scheduled: stamps.scheduled[row],
                end: stamps.end[row],
                class: part.class[row],
                e2e_s: part.e2e_s[row],
            };
            timeline.take(rows.clone().map(moment), *ended);
        }
    }

    /// Most requests of each repeat that were in flight at one moment.
    pub(super) fn most_in_flight(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        self.in_flight.iter().map(InFlight::most)
    }

    /// The repeats over their time.
    pub(super) fn timeline(&mut self) -> Vec<TimelinePoint> {
        let timelines = std::mem::take(&mut self.timelines).into_iter().flatten();
        timelines.flat_map(Timeline::points).collect()
    }

    fn distributions(&mut self, part: &Part, look: impl Fn(&mut Sample, &[f64])) {
        let groups = part.groups.as_ref();
        let groups = groups.map_or_else(Vec::new, |groups| self.groups.places(groups));
        let place = |slice| match slice {
            Slice::Ok(repeat) => self.repeats.partition_point(|other| *other < repeat),
            Slice::Failed => 0,
            Slice::Group(number) => groups[number],
        };
        for (name, slices) in &part.values {
            if !self.distributions.contains_key(name) {
                let empty = Distribution::of(self.repeats.len());
                self.distributions.insert(name.clone(), empty);
            }
            let Some(distribution) = self.distributions.get_mut(name) else {
                continue;
            };
            for (slice, values) in slices {
                look(distribution.sample(*slice, place(*slice)), values);
            }
        }
    }
}
