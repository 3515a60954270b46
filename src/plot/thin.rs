//! Fewer points that look the same.

/// Of points in the order of x, those that are seen in columns of width `column`: the first, the least, the greatest and the
/// last of each. None when all are needed.
pub(super) fn by_column(points: &[[f64; 2]], column: f64) -> Option<Vec<[f64; 2]>> {
    let index = |p: &[f64; 2]| (p[0] / column).floor();
    let mut kept = Vec::new();
    for group in points.chunk_by(|a, b| index(a) == index(b)) {
        let by_y = |a: &&[f64; 2], b: &&[f64; 2]| a[1].total_cmp(&b[1]);
        let place =
            |p: Option<&[f64; 2]>| p.and_then(|p| group.iter().position(|q| std::ptr::eq(p, q))).unwrap_or(0);
        let mut wanted =
            vec![0, place(group.iter().min_by(by_y)), place(group.iter().max_by(by_y)), group.len() - 1];
        wanted.sort_unstable();
        wanted.dedup();
        kept.extend(wanted.into_iter().map(|k| group[k]));
    }
    (kept.len() < points.len()).then_some(kept)
}

/// The points of a curve without those that it passes by within `tolerance` when they are left out (Douglas and Peucker
/// 1973).
pub(super) fn straightened(points: &[[f64; 2]], tolerance: f64) -> Vec<[f64; 2]> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let mut is_kept = vec![false; points.len()];
    let mut open = vec![(0, points.len() - 1)];
    while let Some((first, last)) = open.pop() {
        (is_kept[first], is_kept[last]) = (true, true);
        let off = |k: &usize| distance(points[*k], points[first], points[last]);
        let farthest = (first + 1..last).max_by(|a, b| off(a).total_cmp(&off(b)));
        if let Some(k) = farthest.filter(|k| off(k) > tolerance) {
            open.extend([(first, k), (k, last)]);
        }
    }
    points.iter().zip(is_kept).filter(|(_, is_kept)| *is_kept).map(|(point, _)| *point).collect()
}

/// From a point to the way between two others.
fn distance(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (way, off) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let square = way[0] * way[0] + way[1] * way[1];
    let along =
        if square > 0.0 { ((off[0] * way[0] + off[1] * way[1]) / square).clamp(0.0, 1.0) } else { 0.0 };
    (off[0] - along * way[0]).hypot(off[1] - along * way[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_of_one_point_survives_in_its_column() {
        let mut points: Vec<[f64; 2]> = (0..1000).map(|k| [f64::from(k) * 0.01, 0.0]).collect();
        (points[537][1], points[538][1]) = (7.0, -3.0);
        let kept = by_column(&points, 1.0).unwrap();
        assert!(kept.len() <= 40, "{}", kept.len());
        assert!(kept.contains(&[5.37, 7.0]) && kept.contains(&[5.38, -3.0]));
        assert!(kept.is_sorted_by(|a, b| a[0] <= b[0]));
        assert_eq!(by_column(&points[..3], 0.001), None);
    }

    #[test]
    fn a_straightened_curve_keeps_its_ends_and_its_corners() {
        let corner =
            (0..=100).map(|k| [f64::from(k) * 0.1, 0.0]).chain((1..50).map(|k| [10.0, f64::from(k)]));
        let points: Vec<[f64; 2]> = corner.collect();
        assert_eq!(straightened(&points, 0.1), [[0.0, 0.0], [10.0, 0.0], [10.0, 49.0]]);
        let closed = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]];
        assert_eq!(straightened(&closed, 0.1), closed);
    }

    #[test]
    fn a_straightened_curve_passes_by_what_it_leaves_out_within_the_tolerance() {
        let points: Vec<[f64; 2]> =
            (0..1000).map(|k| [f64::from(k), 50.0 * (f64::from(k) * 0.02).sin()]).collect();
        let kept = straightened(&points, 0.1);
        assert!(kept.len() < 200, "{}", kept.len());
        for point in points {
            let off =
                kept.windows(2).map(|pair| distance(point, pair[0], pair[1])).fold(f64::INFINITY, f64::min);
            assert!(off <= 0.1, "{point:?} is {off} off");
        }
    }
}
