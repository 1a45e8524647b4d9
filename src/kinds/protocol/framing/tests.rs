//! What the tests of every framing need.

use proptest::sample::Index;

/// A stream in pieces, cut at these places.
pub fn pieces<'s>(stream: &'s [u8], cuts: &[Index]) -> Vec<&'s [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.push(stream.len());
    cuts.sort_unstable();
    let mut from = 0;
    cuts.into_iter()
        .map(|cut| {
            let piece = &stream[from..cut];
            from = cut;
            piece
        })
        .collect()
}
