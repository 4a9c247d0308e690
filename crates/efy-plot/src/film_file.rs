//! Films as files: a picture each, and all of them as one animated PNG, which browsers play.

use std::fs;
use std::path::{Path, PathBuf};

use png::ColorType;

use crate::draw::film::draw_picture;
use crate::error::{Error, Result};
use crate::film::Film;
use crate::output::{create_dir, write_atomically};
use crate::render::{colors, encode, encoder, render, unencoded};

/// The resolution of pictures, in dots per inch: they are looked at on a screen.
const DOTS_PER_INCH: f64 = 96.0;
/// Pictures a second, at most: those between are left out.
const RATE: f64 = 25.0;

/// Writes a film to the directory `out`: `film.png` plays it in real time and begins again, `film/00000.png` and so on are its pictures. Of a film with more than
/// 25 pictures a second every second one is left out, or more of them. Returns both paths; a film that is there already is replaced.
///
/// # Errors
/// [`Error::Draw`] where there is no picture or one without a body, [`Error::Png`] and [`Error::Write`].
pub fn write_film(film: &Film, out: &Path) -> Result<[PathBuf; 2]> {
    let stride = ((1.0 / (RATE * film.seconds)).round() as usize).max(1);
    let reach = film.reach(film.pictures.iter());
    let picture = |index| render(&draw_picture(film, index, reach)?, DOTS_PER_INCH);
    let kept = film.pictures.len().div_ceil(stride);
    let milliseconds = (1000.0 * film.seconds * stride as f64).round() as u16;
    let folder = out.join("film");
    clear(&folder)?;

    let mut file = Vec::new();
    let mut encoder = encoder(&mut file, &picture(0)?, ColorType::Rgb);
    encoder.set_animated(kept as u32, 0).map_err(unencoded)?;
    encoder
        .set_frame_delay(milliseconds, 1000)
        .map_err(unencoded)?;
    let mut animation = encoder.write_header().map_err(unencoded)?;
    for number in 0..kept {
        let page = picture(number * stride)?;
        animation
            .write_image_data(&colors(&page, 3))
            .map_err(unencoded)?;
        let path = folder.join(format!("{number:05}.png"));
        write_atomically(&path, &encode(&page, DOTS_PER_INCH)?)?;
    }
    animation.finish().map_err(unencoded)?;
    let path = out.join("film.png");
    write_atomically(&path, &file)?;
    Ok([path, folder])
}

/// An empty folder, where at most the pictures of another film have been.
fn clear(folder: &Path) -> Result<()> {
    create_dir(folder)?;
    let failed = |source| Error::Write {
        path: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if name.len() == 5 && name.bytes().all(|byte| byte.is_ascii_digit()) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::film::Capsule;

    #[test]
    fn a_film_is_pictures_and_an_animation_and_replaces_another() {
        let out = tempfile::tempdir().unwrap();
        let film = |pictures: usize| {
            let picture = |index| Capsule {
                from: [0.1 * f64::from(index), 0.5],
                to: [0.1 * f64::from(index), 1.0],
                radius: 0.1,
                limb: 0,
            };
            let pictures = (0..pictures as u32).map(|index| vec![picture(index)]);
            // 50 pictures a second: every second one is left out.
            Film::new("film", "A stick", Some(0.0), 0.02, pictures.collect())
        };
        fs::create_dir(out.path().join("film")).unwrap();
        fs::write(out.path().join("film/notes.txt"), "mine").unwrap();
        for (pictures, kept) in [(9, 5), (4, 2)] {
            let [animation, folder] = write_film(&film(pictures), out.path()).unwrap();
            let mut names: Vec<_> = fs::read_dir(&folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(names.pop().as_deref(), Some("notes.txt"));
            let numbered: Vec<_> = (0..kept).map(|number| format!("{number:05}.png")).collect();
            assert_eq!(names, numbered);
            let file = fs::File::open(animation).unwrap();
            let reader = png::Decoder::new(std::io::BufReader::new(file));
            let reader = reader.read_info().unwrap();
            let (frames, plays) = reader
                .info()
                .animation_control
                .map(|control| (control.num_frames, control.num_plays))
                .unwrap();
            assert_eq!((frames, plays), (kept, 0));
        }
        let nothing = write_film(&film(0), out.path()).unwrap_err().to_string();
        assert!(nothing.contains("film"), "{nothing}");
    }
}
