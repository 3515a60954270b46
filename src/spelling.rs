//! How far two words are apart, for "did you mean".

/// Edit distance with swaps of neighbours (optimal string alignment), in characters.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut d: Vec<usize> = vec![0; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            d[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = usize::from(a[i - 1] != b[j - 1]);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swap = if swapped { d[(i - 2) * width + j - 2] + 1 } else { usize::MAX };
                (d[(i - 1) * width + j] + 1)
                    .min(d[i * width + j - 1] + 1)
                    .min(d[(i - 1) * width + j - 1] + changed)
                    .min(swap)
            };
        }
    }
    d[a.len() * width + b.len()]
}

/// The closest of `valid`, unless so far off that naming it would mislead.
pub fn nearest<'a>(wrong: &str, valid: &[&'a str]) -> Option<&'a str> {
    let length = wrong.chars().count();
    // Distances cost the product of the lengths: nobody meant a key that is pages long.
    if length > 100 {
        return None;
    }
    let tolerance = (length / 3).max(1);
    let distances = valid.iter().map(|candidate| (distance(wrong, candidate), *candidate));
    distances.min().filter(|(distance, _)| *distance <= tolerance).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_neighbours_are_one_edit() {
        assert_eq!(distance("lamdba", "lambda"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("größe", "grösse"), 2);
    }
}
