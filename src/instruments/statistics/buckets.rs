//! Buckets that divide all numbers: each a 4,096th of a power of two wide.

/// Buckets of a power of two.
const DETAIL_BITS: u32 = 12;
/// Sign and exponent.
const SCALE_BITS: u32 = 12;

/// The bucket of a value: its sign, exponent and first digits. Buckets are in the order of their values.
#[inline]
pub(super) fn bucket(value: f64) -> usize {
    let bits = value.to_bits();
    // The order of floating-point numbers as that of whole ones: negative ones are turned around.
    let ordered = if value.is_sign_negative() {
        !bits
    } else {
        bits | 1 << 63
    };
    (ordered >> (64 - SCALE_BITS - DETAIL_BITS)) as usize
}

/// Something for each bucket, a page a power of two, made when one of its buckets is first asked for.
#[derive(Debug, Clone)]
pub(super) struct Buckets<T> {
    pages: Vec<Option<Box<[T]>>>,
}

impl<T> Default for Buckets<T> {
    fn default() -> Self {
        Self {
            pages: std::iter::repeat_with(|| None)
                .take(1 << SCALE_BITS)
                .collect(),
        }
    }
}

impl<T: Copy + Default> Buckets<T> {
    /// Of a bucket.
    #[inline]
    pub(super) fn at(&mut self, bucket: usize) -> &mut T {
        let page = self.pages[bucket >> DETAIL_BITS]
            .get_or_insert_with(|| vec![T::default(); 1 << DETAIL_BITS].into_boxed_slice());
        &mut page[bucket & ((1 << DETAIL_BITS) - 1)]
    }

    /// Of a bucket, without making it.
    #[inline]
    pub(super) fn get(&self, bucket: usize) -> T {
        let page = self.pages[bucket >> DETAIL_BITS].as_ref();
        page.map_or_else(T::default, |page| page[bucket & ((1 << DETAIL_BITS) - 1)])
    }
}

impl Buckets<u64> {
    /// Adds the counts of others.
    pub(super) fn add(&mut self, other: &Self) {
        for (number, page) in other.pages.iter().enumerate() {
            for (place, count) in page.iter().flat_map(|page| page.iter().enumerate()) {
                if *count > 0 {
                    *self.at(number << DETAIL_BITS | place) += count;
                }
            }
        }
    }

    /// Buckets that have values, in their order.
    pub(super) fn taken(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.pages.iter().enumerate().flat_map(|(number, page)| {
            page.iter()
                .flat_map(|page| page.iter().enumerate())
                .filter(|(_, count)| **count > 0)
                .map(move |(place, count)| (number << DETAIL_BITS | place, *count))
        })
    }
}

#[cfg(test)]
impl<T> Buckets<T> {
    /// How many powers of two have values.
    pub(super) fn pages(&self) -> usize {
        self.pages.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn buckets_are_in_the_order_of_their_values(one in any::<f64>(), two in any::<f64>()) {
            prop_assume!(one.is_finite() && two.is_finite());
            if one < two {
                prop_assert!(bucket(one) <= bucket(two));
            }
        }
    }
}
