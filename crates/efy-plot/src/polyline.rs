//! Curves as lines on the page: gaps, thinning out and dashes.

use crate::canvas::{Place, millimetres};
use crate::palette::Dash;

/// Splits a curve at its gaps, given as `None`. A piece may be a single place.
pub(crate) fn split_at_gaps(places: impl Iterator<Item = Option<Place>>) -> Vec<Vec<Place>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for place in places {
        match place {
            Some(place) => piece.push(place),
            None if piece.is_empty() => {}
            None => pieces.push(std::mem::take(&mut piece)),
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// Drops places that cannot be seen: of all that are in one column of the page, narrower than any
/// line, the first, the last, the highest and the lowest are kept.
///
/// A run of a million steps makes a file of the same size as one of a few thousand.
pub(crate) fn thin_out(places: &[Place]) -> Vec<Place> {
    let column_width = millimetres(0.05);
    let mut kept = Vec::new();
    for column in places.chunk_by(|a, b| a.0 / column_width == b.0 / column_width) {
        let indices = 0..column.len();
        let lowest = indices
            .clone()
            .min_by_key(|&index| column[index].1)
            .unwrap_or(0);
        let highest = indices
            .clone()
            .max_by_key(|&index| column[index].1)
            .unwrap_or(0);
        let mut chosen = [0, lowest, highest, column.len() - 1];
        chosen.sort_unstable();
        let mut last = None;
        for index in chosen {
            if last != Some(index) {
                kept.push(column[index]);
            }
            last = Some(index);
        }
    }
    kept
}

/// Cuts a line into the pieces of a dash pattern.
pub(crate) fn dashes(places: &[Place], dash: Dash) -> Vec<Vec<Place>> {
    let (on, off) = match dash {
        Dash::Solid => return vec![places.to_vec()],
        Dash::Dashed => (1.4, 0.7),
        Dash::Dotted => (0.45, 0.45),
    };
    let lengths = [f64::from(millimetres(on)), f64::from(millimetres(off))];
    let mut pieces = Vec::new();
    let mut piece: Vec<Place> = places.first().copied().into_iter().collect();
    let (mut phase, mut left) = (0, lengths[0]);
    for pair in places.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
        let length = dx.hypot(dy);
        let mut walked = 0.0;
        while length - walked > left {
            walked += left;
            let share = walked / length;
            let cut = (
                from.0 + (dx * share).round() as i32,
                from.1 + (dy * share).round() as i32,
            );
            if phase == 0 {
                piece.push(cut);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![cut];
            }
            phase = 1 - phase;
            left = lengths[phase];
        }
        left -= length - walked;
        if phase == 0 {
            piece.push(to);
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

/// Places along the line, no further apart than `gap`.
pub(crate) fn samples(piece: &[Place], gap: i32) -> impl Iterator<Item = Place> {
    let ends = piece.windows(2).flat_map(move |pair| {
        let (from, to) = (pair[0], pair[1]);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let count = dx.abs().max(dy.abs()) / gap.max(1) + 1;
        (0..count).map(move |i| {
            let share = f64::from(i) / f64::from(count);
            (
                from.0 + (f64::from(dx) * share) as i32,
                from.1 + (f64::from(dy) * share) as i32,
            )
        })
    });
    ends.chain(piece.last().copied())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_split_a_curve() {
        let places = [
            None,
            Some((0, 0)),
            None,
            None,
            Some((2, 0)),
            Some((3, 1)),
            None,
        ];
        let pieces = split_at_gaps(places.into_iter());
        assert_eq!(pieces, [vec![(0, 0)], vec![(2, 0), (3, 1)]]);
    }

    #[test]
    fn dashes_cover_two_thirds_of_a_line() {
        let pieces = dashes(&[(0, 0), (900, 0), (2100, 0)], Dash::Dashed);
        assert_eq!(pieces.len(), 10);
        assert_eq!(pieces[0], [(0, 0), (140, 0)]);
        assert_eq!(pieces[1], [(210, 0), (350, 0)]);
        assert!(
            pieces.iter().any(|piece| piece.contains(&(900, 0))),
            "corners are kept"
        );
        assert_eq!(dashes(&[(0, 0), (9, 9)], Dash::Solid), [[(0, 0), (9, 9)]]);
    }

    #[test]
    fn samples_are_close_to_each_other() {
        let all: Vec<_> = samples(&[(0, 0), (100, 0), (100, 200)], 10).collect();
        for pair in all.windows(2) {
            assert!((pair[0].0 - pair[1].0).abs() <= 10 && (pair[0].1 - pair[1].1).abs() <= 10);
        }
        assert_eq!(all.last(), Some(&(100, 200)));
        assert_eq!(samples(&[(5, 5)], 10).collect::<Vec<_>>(), [(5, 5)]);
    }

    proptest! {
        #[test]
        fn thinning_out_keeps_ends_and_extremes(
            heights in prop::collection::vec(0..6000i32, 1..2000),
        ) {
            let width = 100;
            let place = |(i, &y): (usize, &i32)| (i as i32 * width / heights.len() as i32, y);
            let places: Vec<_> = heights.iter().enumerate().map(place).collect();
            let kept = thin_out(&places);
            prop_assert!(kept.len() <= places.len().min(4 * 20));
            prop_assert_eq!(kept.first(), places.first());
            prop_assert_eq!(kept.last(), places.last());
            let extremes = |places: &[Place]| {
                let heights = || places.iter().map(|place| place.1);
                (heights().min(), heights().max())
            };
            prop_assert_eq!(extremes(&kept), extremes(&places));
        }
    }
}
