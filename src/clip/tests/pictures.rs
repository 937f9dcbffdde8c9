//! WebP, GIF and PNG: decoded by the image crate and compared.

use std::io::Cursor;
use std::time::Duration;

use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage};

use super::*;

fn shown(frames: image::Frames<'_>) -> (Vec<Vec<u8>>, Vec<Duration>) {
    let frames = frames.collect_frames().unwrap();
    let times = frames.iter().map(|frame| frame.delay().into()).collect();
    let pictures = frames
        .into_iter()
        .map(|frame| DynamicImage::from(frame.into_buffer()).into_rgb8().into_raw())
        .collect();
    (pictures, times)
}

fn close(pictures: &[Vec<u8>], spec: &ClipSpec, least: f64) {
    for (number, picture) in pictures.iter().enumerate() {
        let quality = psnr(picture, &rgb_of(number as u32, spec));
        assert!(quality >= least, "frame {number}: {quality:.1} dB");
    }
}

#[cfg(feature = "webp")]
#[test]
fn webp_holds_the_clip() {
    for looping in [false, true] {
        let spec = ClipSpec { looping, ..spec(321, 181, 24.0, 24) };
        let file = make_bytes(Container::Webp, &spec);
        let decoder = WebPDecoder::new(Cursor::new(&file)).unwrap();
        let loops = decoder.loop_count();
        assert_eq!(matches!(loops, image::metadata::LoopCount::Infinite), looping);
        let (pictures, times) = shown(decoder.into_frames());
        assert_eq!((pictures.len(), times.iter().sum()), (24, Duration::from_secs(1)));
        assert!(times.iter().all(|time| (41..=42).contains(&time.as_millis())));
        close(&pictures, &spec, 34.0);
        assert_eq!(file, make_bytes(Container::Webp, &spec));
    }
}

#[cfg(feature = "webp")]
#[test]
fn webp_of_a_still_picture_is_small() {
    let spec = spec(320, 180, 24.0, 24);
    let mut encoder = open(Output::bytes(Container::Webp), &spec, Finish::none()).unwrap();
    let mut frame = Frame::new(encoder.layout(), 320, 180).unwrap();
    draw(&mut frame, 0);
    (0..24).for_each(|_| encoder.write(&frame).unwrap());
    let Written::Bytes(still) = encoder.finish().unwrap() else { panic!() };
    let one = make_bytes(Container::Webp, &ClipSpec { frames: 1, ..spec });
    assert!(still.len() < one.len() + 23 * 100, "{} {}", still.len(), one.len());
}

#[test]
fn gif_holds_the_clip() {
    for looping in [false, true] {
        let spec = ClipSpec { looping, ..spec(161, 121, 24.0, 48) };
        let file = make_bytes(Container::Gif, &spec);
        let marked = file.windows(11).any(|at| at == b"NETSCAPE2.0");
        assert_eq!(marked, looping);
        let decoder = GifDecoder::new(Cursor::new(&file)).unwrap();
        let (pictures, times) = shown(decoder.into_frames());
        assert_eq!((pictures.len(), times.iter().sum()), (48, Duration::from_secs(2)));
        close(&pictures, &spec, 30.0);
        assert_eq!(file, make_bytes(Container::Gif, &spec));
    }
}

#[test]
fn gif_renews_its_palette_when_the_colours_change() {
    let spec = spec(64, 64, 10.0, 2);
    let mut encoder = open(Output::bytes(Container::Gif), &spec, Finish::none()).unwrap();
    let mut frame = Frame::new(encoder.layout(), 64, 64).unwrap();
    let paint = |frame: &mut Frame, hue: usize| {
        let Frame::Rgb(rgb) = frame else { panic!() };
        for (i, pixel) in rgb.pixels_mut().chunks_exact_mut(3).enumerate() {
            pixel.fill(20);
            pixel[hue] = (i % 64 * 4) as u8;
        }
        rgb.pixels().to_vec()
    };
    let red = paint(&mut frame, 0);
    encoder.write(&frame).unwrap();
    let blue = paint(&mut frame, 2);
    encoder.write(&frame).unwrap();
    let Written::Bytes(file) = encoder.finish().unwrap() else { panic!() };
    let (pictures, _) = shown(GifDecoder::new(Cursor::new(&file)).unwrap().into_frames());
    assert!(psnr(&pictures[0], &red) > 34.0 && psnr(&pictures[1], &blue) > 34.0);
}

#[test]
fn png_files_are_the_frames() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(33, 21, 24.0, 3);
    let frames = folder.path().join("frames");
    let written = make(Output::png_folder(&frames), &spec).unwrap();
    assert!(matches!(written, Written::Path(path) if path == frames));
    assert_eq!(names(&frames), ["frame_0000.png", "frame_0001.png", "frame_0002.png"]);
    for number in 0..3 {
        let picture = image::open(frames.join(format!("frame_{number:04}.png"))).unwrap();
        assert_eq!(picture.into_rgb8().into_raw(), rgb_of(number, &spec));
    }
}
