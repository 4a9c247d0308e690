//! Bodies that move, seen from one side.

use std::io;

use crate::width::Width;

/// All points within a distance of a segment, in the units of the world: a limb, or a ball where both ends are one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capsule {
    /// One end of the segment: to the right and up.
    pub from: [f64; 2],
    /// The other end.
    pub to: [f64; 2],
    /// The distance.
    pub radius: f64,
    /// Which limb it belongs to, 0 for the trunk: each limb has a colour.
    pub limb: usize,
}

/// What was seen, picture by picture. As a [`Drawing`](crate::Drawing) it is a strip of some of them, side by side;
/// [`write_film`](crate::write_film) writes all.
#[derive(Clone, Debug, PartialEq)]
pub struct Film {
    /// The stem of the files that the strip is written to.
    pub name: String,
    /// The line above the strip.
    pub title: String,
    /// How wide the strip is printed.
    pub width: Width,
    /// The height of the ground, where there is one.
    pub ground: Option<f64>,
    /// Seconds between two pictures.
    pub seconds: f64,
    /// The pictures; what is drawn on top comes last.
    pub pictures: Vec<Vec<Capsule>>,
    /// The pictures of the strip.
    pub shown: Vec<usize>,
}

/// The pictures of a strip.
const SHOWN: usize = 8;
/// A film of so many pictures is shown from its beginning to its end.
const SHORT: usize = 250;
/// Of a longer one some pictures from its middle are shown, so many seconds apart: limbs at work.
const APART: f64 = 0.15;

impl Film {
    /// A film as wide as two columns.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        ground: Option<f64>,
        seconds: f64,
        pictures: Vec<Vec<Capsule>>,
    ) -> Self {
        let last = pictures.len().saturating_sub(1);
        let shown: Vec<usize> = match pictures.len() <= SHORT {
            true if last < SHOWN => (0..pictures.len()).collect(),
            true => (0..SHOWN).map(|index| index * last / (SHOWN - 1)).collect(),
            false => {
                let stride = ((APART / seconds).round() as usize).clamp(1, last / (2 * SHOWN));
                (0..SHOWN).map(|index| last / 2 + index * stride).collect()
            }
        };
        Self {
            name: name.into(),
            title: title.into(),
            width: Width::Double,
            ground,
            seconds,
            pictures,
            shown,
        }
    }

    /// The capsules of the strip as CSV, a line each.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record([
            "picture", "seconds", "limb", "from_x", "from_y", "to_x", "to_y", "radius",
        ])?;
        for &index in &self.shown {
            for capsule in self.pictures.get(index).into_iter().flatten() {
                let [from_x, from_y] = capsule.from;
                let [to_x, to_y] = capsule.to;
                let seconds = index as f64 * self.seconds;
                let numbers = [from_x, from_y, to_x, to_y, capsule.radius];
                let mut record = vec![index.to_string(), seconds.to_string()];
                record.push(capsule.limb.to_string());
                record.extend(numbers.map(|number| number.to_string()));
                table.write_record(record)?;
            }
        }
        table.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    /// What a camera looks at: the middle of the trunk, and with a ground below it, always the same height.
    pub(crate) fn focus(&self, picture: &[Capsule], reach: [f64; 2]) -> [f64; 2] {
        let trunk: Vec<_> = picture.iter().filter(|part| part.limb == 0).collect();
        let parts = trunk.len().max(1) as f64;
        let middle = [0, 1].map(|axis| {
            let middles = trunk.iter().map(|part| part.from[axis] + part.to[axis]);
            middles.sum::<f64>() / (2.0 * parts)
        });
        match self.ground {
            Some(ground) => [middle[0], ground + reach[1]],
            None => middle,
        }
    }

    /// How far a camera has to see to each side of its focus so that each of these pictures fits, across and up.
    pub(crate) fn reach<'a>(&self, pictures: impl Iterator<Item = &'a Vec<Capsule>>) -> [f64; 2] {
        let mut reach = [0.0; 2];
        for picture in pictures {
            // With a ground: as far as from there to the top.
            let focus = self.focus(picture, [0.0; 2]);
            for part in picture {
                for end in [part.from, part.to] {
                    let away = [0, 1].map(|axis| (end[axis] - focus[axis]).abs() + part.radius);
                    reach = [0, 1].map(|axis| f64::max(reach[axis], away[axis]));
                }
            }
        }
        match self.ground {
            Some(_) => [reach[0], reach[1] / 2.0],
            None => reach,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ball(x: f64, y: f64, limb: usize) -> Capsule {
        Capsule {
            from: [x, y],
            to: [x, y],
            radius: 0.5,
            limb,
        }
    }

    fn film(pictures: usize, ground: Option<f64>) -> Film {
        let picture =
            |index: usize| vec![ball(index as f64, 2.0, 0), ball(index as f64 + 3.0, 1.0, 1)];
        let pictures = (0..pictures).map(picture).collect();
        Film::new("film", "Balls", ground, 0.01, pictures)
    }

    #[test]
    fn short_films_are_shown_whole_and_of_long_ones_the_middle() {
        assert_eq!(film(3, None).shown, [0, 1, 2]);
        assert_eq!(film(15, None).shown, [0, 2, 4, 6, 8, 10, 12, 14]);
        let shown = film(1001, None).shown;
        assert_eq!((shown[0], shown[7]), (500, 605));
        assert!(film(0, None).shown.is_empty());
    }

    #[test]
    fn the_camera_follows_the_trunk_and_sees_every_limb() {
        let beside = film(5, None);
        let reach = beside.reach(beside.pictures.iter());
        assert_eq!(reach, [3.5, 1.5]);
        assert_eq!(beside.focus(&beside.pictures[4], reach), [4.0, 2.0]);
        // From the ground at 0 to the top of the trunk at 2.5.
        let above = film(5, Some(0.0));
        let reach = above.reach(above.pictures.iter());
        assert_eq!(reach, [3.5, 1.25]);
        assert_eq!(above.focus(&above.pictures[4], reach), [4.0, 1.25]);
    }
}
