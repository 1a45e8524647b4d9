//! Most requests in flight at once, of requests that come about in the order in which they ended.

/// A sweep over the time of one repeat.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// What was sent, and what ended, at a time that is not yet known whole.
    starts: Vec<i64>,
    ends: Vec<i64>,
    begun: u64,
    ended: u64,
    most: Option<u64>,
}

impl InFlight {
    /// Takes further requests, by when they were sent and when they ended. None that is still to come was sent before
    /// `horizon`.
    #[expect(
        clippy::stable_sort_primitive,
        reason = "what is in order already, and most is, a stable sort only merges"
    )]
    pub(super) fn take(&mut self, requests: impl Iterator<Item = (i64, i64)>, horizon: i64) {
        for (start, end) in requests {
            self.starts.push(start);
            self.ends.push(end);
        }
        self.starts.sort();
        self.ends.sort();
        let known = self.starts.partition_point(|start| *start < horizon);
        let mut closed = 0;
        for start in &self.starts[..known] {
            // One that ends as another starts is closed.
            while self.ends.get(closed).is_some_and(|end| end <= start) {
                closed += 1;
                self.ended += 1;
            }
            self.begun += 1;
            // An exchange of no length ends as it starts, and was in flight all the same.
            let open = self.begun.saturating_sub(self.ended).max(1);
            self.most = self.most.max(Some(open));
        }
        self.starts.drain(..known);
        self.ends.drain(..closed);
    }

    /// The most; `None` where none was sent. Everything must have been taken.
    pub(super) const fn most(&self) -> Option<u64> {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn swept(parts: &[Vec<(i64, i64)>]) -> Option<u64> {
        let mut sweep = InFlight::default();
        for (number, part) in parts.iter().enumerate() {
            let later = parts[number + 1..].iter().flatten();
            let horizon = later.map(|(start, _)| *start).min().unwrap_or(i64::MAX);
            sweep.take(part.iter().copied(), horizon);
        }
        sweep.most()
    }

    #[test]
    fn one_that_ends_as_another_starts_is_closed_and_one_of_no_length_was_there() {
        assert_eq!(swept(&[vec![(0, 5), (5, 9)]]), Some(1));
        assert_eq!(swept(&[vec![(0, 6), (5, 9)]]), Some(2));
        assert_eq!(swept(&[vec![(3, 3)]]), Some(1));
        assert_eq!(swept(&[vec![]]), None);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_parts_they_come(
            requests in prop::collection::vec((0..500_i64, 1..200_i64), 1..60),
            cut in 0..60_usize,
        ) {
            let mut requests: Vec<(i64, i64)> = requests.into_iter().map(|(at, takes)| (at, at + takes)).collect();
            // Counted moment by moment.
            let at = |moment: i64| requests.iter().filter(|(start, end)| *start <= moment && moment < *end).count();
            let expected = (0..700).map(at).max().map(|most| most as u64);
            requests.sort_by_key(|(_, end)| *end);
            let cut = cut.min(requests.len());
            let (one, two) = requests.split_at(cut);
            prop_assert_eq!(swept(&[one.to_vec(), two.to_vec()]), expected);
            prop_assert_eq!(swept(&[requests.clone()]), expected);
        }
    }
}
