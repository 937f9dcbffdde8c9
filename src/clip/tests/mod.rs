//! Clips are made of a generated moving picture, decoded again and compared.

mod memory;
mod mp4;
mod pictures;
mod places;
mod tune;

use std::path::Path;

use super::*;

/// A picture that moves: smooth colours under a fine texture that drifts, and a disc that circles.
pub(crate) fn draw(frame: &mut Frame, number: u32) {
    let (width, height) = frame.size();
    let mut rgb = Rgb8::new(width, height);
    let t = f64::from(number) * 0.13;
    let side = f64::from(width.min(height));
    let centre = (
        f64::from(width) * 0.5 + side * 0.2 * t.cos(),
        f64::from(height) * 0.5 + side * 0.2 * t.sin(),
    );
    for (i, pixel) in rgb.pixels_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (f64::from(i as u32 % width), f64::from(i as u32 / width));
        let texture = 10.0 * ((x + 1.5 * t) * 0.35).sin() * (y * 0.31).cos();
        let inside = ((x - centre.0).hypot(y - centre.1) < side * 0.18) as u8;
        let base =
            [90.0 + 110.0 * x / f64::from(width), 150.0 - 90.0 * y / f64::from(height), 110.0];
        for (c, value) in pixel.iter_mut().enumerate() {
            *value = match inside {
                1 => [214, 168, 140][c],
                _ => (base[c] + texture) as u8,
            };
        }
    }
    match frame {
        Frame::Rgb(own) => own.pixels_mut().copy_from_slice(rgb.pixels()),
        Frame::I420(own) => own.convert_from(&rgb).unwrap(),
    }
}

pub(crate) fn spec(width: u32, height: u32, fps: f64, frames: u32) -> ClipSpec {
    ClipSpec { width, height, fps: Fps::from_decimal(fps).unwrap(), frames, looping: false }
}

/// The whole clip of the moving picture.
pub(crate) fn make(output: Output, spec: &ClipSpec) -> Result<Written> {
    make_with(output, spec, Finish::none())
}

pub(crate) fn make_with(output: Output, spec: &ClipSpec, finish: Finish) -> Result<Written> {
    let mut encoder = open(output, spec, finish)?;
    let mut frame = Frame::new(encoder.layout(), spec.width, spec.height)?;
    for number in 0..spec.frames {
        draw(&mut frame, number);
        encoder.write(&frame)?;
    }
    encoder.finish()
}

pub(crate) fn make_bytes(container: Container, spec: &ClipSpec) -> Vec<u8> {
    match make(Output::bytes(container), spec).unwrap() {
        Written::Bytes(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn rgb_of(number: u32, spec: &ClipSpec) -> Vec<u8> {
    let mut frame = Frame::new(Layout::Rgb, spec.width, spec.height).unwrap();
    draw(&mut frame, number);
    match frame {
        Frame::Rgb(rgb) => rgb.pixels().to_vec(),
        Frame::I420(_) => unreachable!(),
    }
}

/// Peak signal-to-noise ratio in decibels.
pub(crate) fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / squares.max(1) as f64).log10()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
