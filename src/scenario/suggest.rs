//! The nearest right word to a wrong one.

/// The candidate that `word` was most likely meant to be; `None` where none is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    let near = |candidate: &&str| {
        let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
        let begins = word.len() >= 3
            && (candidate.starts_with(&word)
                || word.starts_with(candidate) && candidate.len() >= 3);
        (distance <= allowed || begins).then_some(distance)
    };
    candidates
        .into_iter()
        .filter_map(|candidate| near(&candidate).map(|distance| (distance, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The words in a row, each in backticks; a long list is cut.
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 24;
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    if words.len() > MOST {
        words.truncate(MOST);
        words.push("…".to_owned());
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_strange_word_finds_none() {
        let keys = ["base_url", "protocol", "concurrency", "e2e", "requests"];
        assert_eq!(nearest("protocl", keys), Some("protocol"));
        assert_eq!(nearest("cocnurrency", keys), Some("concurrency"));
        assert_eq!(nearest("Requests", keys), Some("requests"));
        assert_eq!(nearest("request", keys), Some("requests"));
        assert_eq!(nearest("banana", keys), None);
        assert_eq!(nearest("x", keys), None);
    }
}
