//! Uniform bars along a photo's edges: letterboxes, frames, the black edge of a scan.
//!
//! They are no part of the picture: a camera that moves must not move them, and nothing may be
//! taken from them.

use super::field::Window;
use crate::photo::Photo;

/// A channel farther than this from the bar's colour, in code values, is something else: JPEG's
/// ringing beside an edge stays below.
const OTHER: u8 = 20;
/// The share of a line that may be something else for it to be still a bar.
const DIRT: f32 = 0.01;
/// The share of the line after a bar that has to be something else. A backdrop ends with the top of
/// a head, a bar with a whole edge.
const PICTURE: f32 = 0.6;
/// Lines over which a bar may blend into the picture.
const BLEND: usize = 4;
/// The least share of each side that is left.
const LEAST: f32 = 0.2;

/// The photo without its bars.
pub(crate) fn picture(photo: &Photo) -> Window {
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let mut window = Window::whole(width, height);
    // Sides after top and bottom: a frame's sides stand between them.
    window.top += bar(photo, window, Edge::Top);
    window.bottom -= bar(photo, window, Edge::Bottom);
    window.left += bar(photo, window, Edge::Left);
    window.right -= bar(photo, window, Edge::Right);
    let large = |length: usize, whole: usize| length as f32 >= LEAST * whole as f32;
    let fits =
        large(window.right - window.left, width) && large(window.bottom - window.top, height);
    if fits { window } else { Window::whole(width, height) }
}

#[derive(Clone, Copy)]
enum Edge {
    Top,
    Bottom,
    Left,
    Right,
}

/// How many lines along an edge of `window` are a bar; 0 where there is none.
fn bar(photo: &Photo, window: Window, edge: Edge) -> usize {
    let (width, height) = (window.right - window.left, window.bottom - window.top);
    let (lines, length) = match edge {
        Edge::Top | Edge::Bottom => (height, width),
        Edge::Left | Edge::Right => (width, height),
    };
    let pixel = |line: usize, at: usize| -> [u8; 3] {
        let (x, y) = match edge {
            Edge::Top => (window.left + at, window.top + line),
            Edge::Bottom => (window.left + at, window.bottom - 1 - line),
            Edge::Left => (window.left + line, window.top + at),
            Edge::Right => (window.right - 1 - line, window.top + at),
        };
        let start = 3 * (y * photo.width() as usize + x);
        std::array::from_fn(|c| photo.pixels()[start + c])
    };
    let colour = median(&|at| pixel(0, at), length);
    let other = |line: usize| {
        let count = (0..length)
            .filter(|at| pixel(line, *at).iter().zip(colour).any(|(a, b)| a.abs_diff(b) > OTHER))
            .count();
        count as f32 / length as f32
    };
    let Some(count) = (0..lines).find(|line| other(*line) > DIRT) else { return 0 };
    if count == 0 {
        return 0;
    }
    let ends = (count..(count + BLEND).min(lines)).find(|line| other(*line) >= PICTURE);
    // Where it blends into the picture, those lines go with the bar.
    ends.unwrap_or(0)
}

/// The median colour of a line, channel by channel.
fn median(pixel: &dyn Fn(usize) -> [u8; 3], length: usize) -> [u8; 3] {
    std::array::from_fn(|c| {
        let mut values: Vec<u8> = (0..length).map(|at| pixel(at)[c]).collect();
        values.sort_unstable();
        values[length / 2]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::Orientation;

    fn photo(colour: impl Fn(usize, usize) -> [u8; 3]) -> Photo {
        let rgba: Vec<u8> = (0..160 * 100)
            .flat_map(|i| {
                let [r, g, b] = colour(i % 160, i / 160);
                [r, g, b, 255]
            })
            .collect();
        Photo::from_pixels(&rgba, 160, 100, 640, Orientation::default()).unwrap()
    }

    fn scene(x: usize, y: usize) -> [u8; 3] {
        [60 + (x * 7 % 130) as u8, 70 + (y * 5 % 120) as u8, 90 + ((x + y) % 100) as u8]
    }

    #[test]
    fn a_letterbox_and_a_frame_are_found_to_the_line() {
        let boxed = photo(|x, y| if (12..86).contains(&y) { scene(x, y) } else { [2, 1, 3] });
        assert_eq!(picture(&boxed), Window { left: 0, top: 12, right: 160, bottom: 86 });
        let framed = photo(|x, y| {
            let inside = (9..150).contains(&x) && (7..91).contains(&y);
            if inside { scene(x, y) } else { [250; 3] }
        });
        assert_eq!(picture(&framed), Window { left: 9, top: 7, right: 150, bottom: 91 });
        let scanned = photo(|x, y| if x < 2 { [0; 3] } else { scene(x, y) });
        assert_eq!(picture(&scanned), Window { left: 2, top: 0, right: 160, bottom: 100 });
    }

    #[test]
    fn a_backdrop_is_no_bar() {
        // White around a head that touches no side.
        let portrait = photo(|x, y| {
            let head = (x as f32 - 80.0).hypot(y as f32 - 60.0) < 35.0;
            if head { scene(x, y) } else { [245; 3] }
        });
        assert_eq!(picture(&portrait), Window::whole(160, 100));
        let night = photo(|x, y| if y > 50 { scene(x, y).map(|c| c / 8) } else { [0; 3] });
        assert_eq!(picture(&night), Window::whole(160, 100));
        let blank = photo(|_, _| [7; 3]);
        assert_eq!(picture(&blank), Window::whole(160, 100));
    }
}
