//! "Did you mean": the known name that is closest to a misspelt one.

/// The longest name that is compared: the work grows with the square of it.
const MAX_NAME: usize = 64;

/// The candidate that is likeliest meant by `name`, if one is close: at most one edit for each three
/// characters, where exchanged neighbours, `-` for `_` and upper case count little.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name = normal(name)?;
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&name, &normal(candidate)?), candidate)))
        .filter(|(distance, candidate)| *distance <= name.len().max(candidate.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn normal(name: &str) -> Option<Vec<char>> {
    if name.len() > MAX_NAME {
        return None;
    }
    Some(
        name.chars()
            .filter(|c| !matches!(c, '-' | '_' | ' '))
            .flat_map(char::to_lowercase)
            .collect(),
    )
}

/// Insertions, deletions, substitutions and exchanges of neighbours between two names.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (cell(&last, column) + usize::from(a != b))
                .min(cell(&last, column + 1) + 1)
                .min(cell(&current, column) + 1);
            let exchanged = row > 0
                && column > 0
                && left.get(row - 1) == Some(b)
                && right.get(column - 1) == Some(a);
            if exchanged {
                best = best.min(cell(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] =
        ["origins", "hosts", "authentication", "max_body_bytes", "tls", "certificates"];

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(nearest(name, KNOWN), expected, "{name}");
    }

    #[test]
    fn slips_find_their_name() {
        check("orgins", Some("origins"));
        check("oirgins", Some("origins"));
        check("host", Some("hosts"));
        check("authentification", Some("authentication"));
        check("max-body-bytes", Some("max_body_bytes"));
        check("maxBodyBytes", Some("max_body_bytes"));
        check("TLS", Some("tls"));
        check("certificate", Some("certificates"));
    }

    #[test]
    fn other_words_find_none() {
        check("zzz", None);
        check("", None);
        check("rate_limits", None);
        check(&"origins".repeat(1000), None);
    }
}
