//! What the simulator says: words from a fixed list, chosen by a key, a token each.

use super::service::mix;

/// Sixty-four plain words.
const WORDS: [&str; 64] = [
    "anchor", "ballast", "beacon", "berth", "bow", "breeze", "buoy", "cabin", "cargo", "chart",
    "cloud", "coast", "compass", "crane", "crew", "current", "deck", "depth", "dock", "draught",
    "ebb", "fathom", "ferry", "fleet", "fog", "freight", "galley", "gull", "harbour", "hatch",
    "helm", "hold", "hull", "keel", "knot", "lamp", "league", "ledger", "line", "load", "lock",
    "mark", "mast", "mate", "moor", "oar", "pilot", "plank", "port", "quay", "reef", "rope",
    "rudder", "sail", "salt", "shore", "signal", "sound", "stern", "storm", "tide", "vessel",
    "watch", "wave",
];

/// The word that is token `number` of choice `choice` of an answer.
pub(super) fn word(key: u64, choice: u32, number: u64) -> &'static str {
    let drawn = mix(key ^ (u64::from(choice) << 48) ^ number);
    WORDS[usize::try_from(drawn % 64).unwrap_or_default()]
}

/// The first `count` tokens in one piece; every token but the first begins with a blank.
pub(super) fn text(key: u64, choice: u32, count: u64) -> String {
    let mut text = String::new();
    for number in 0..count {
        if number > 0 {
            text.push(' ');
        }
        text.push_str(word(key, choice, number));
    }
    text
}

/// Tokens in a prompt: a quarter of its characters, rounded up (the rule of seed 002's server).
pub(super) fn prompt_tokens(characters: usize) -> u64 {
    (characters as u64).div_ceil(4)
}
