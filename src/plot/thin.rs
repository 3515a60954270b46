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

/// Of the points of a curve, those that are further than `apart` from the one kept before, and both ends.
pub(super) fn by_distance(points: &[[f64; 2]], apart: f64) -> Option<Vec<[f64; 2]>> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for point in points {
        let is_far = |last: &[f64; 2]| (point[0] - last[0]).hypot(point[1] - last[1]) >= apart;
        if kept.last().is_none_or(is_far) {
            kept.push(*point);
        }
    }
    if let (Some(last), Some(end)) = (kept.last_mut(), points.last()) {
        *last = *end;
    }
    (kept.len() < points.len()).then_some(kept)
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
    fn a_thinned_curve_keeps_its_ends_and_its_corners_to_the_distance() {
        let points: Vec<[f64; 2]> = (0..=100).map(|k| [f64::from(k) * 0.1, 0.0]).collect();
        let kept = by_distance(&points, 0.95).unwrap();
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[100]));
        assert!(kept.len() < 13, "{kept:?}");
    }
}
