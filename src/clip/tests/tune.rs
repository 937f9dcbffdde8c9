//! Not tests: figures for choosing the encoders' settings.
#![cfg(all(target_os = "linux", feature = "openh264", feature = "webp"))]

use super::*;

/// Seconds that this thread has had a core; the machine may be busy with other things.
fn processor_seconds() -> f64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1e-9
}

/// `KINORA_PHOTO=… cargo test --release --lib clip::tests::tune -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn zoom_into_a_photo() {
    let Some(photo) = std::env::var_os("KINORA_PHOTO") else { return };
    let long: u32 = std::env::var("KINORA_SIDE").map_or(1280, |side| side.parse().unwrap());
    let photo = image::open(photo).unwrap();
    let photo = photo.resize(long, long, image::imageops::FilterType::Lanczos3).into_rgb8();
    let (width, height) = (photo.width() / 2 * 2, photo.height() / 2 * 2);
    let draw = |number: u32| {
        let mut rgb = Rgb8::new(width, height);
        let scale = 1.0 / (1.0 + 0.002 * number as f32);
        let t = number as f32 * 0.2;
        for (i, pixel) in rgb.pixels_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = ((i as u32 % width) as f32, (i as u32 / width) as f32);
            let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
            let wave = (y * 0.02 + t).sin() * 1.5;
            let u = ((x - cx) * scale + cx + wave).clamp(0.0, photo.width() as f32 - 1.0);
            let v = ((y - cy) * scale + cy).clamp(0.0, photo.height() as f32 - 1.0);
            if let Some(colour) = image::imageops::interpolate_bilinear(&photo, u, v) {
                pixel.copy_from_slice(&colour.0);
            }
        }
        rgb
    };
    let spec = spec(width, height, 24.0, 48);
    let frames: Vec<Rgb8> = (0..spec.frames).map(draw).collect();
    for container in [Container::Mp4, Container::Webp, Container::Gif] {
        let mut encoder = open(Output::bytes(container), &spec, Finish::none()).unwrap();
        let layout = encoder.layout();
        let mut inputs: Vec<Frame> = Vec::new();
        for rgb in &frames {
            let mut frame = Frame::new(layout, width, height).unwrap();
            match &mut frame {
                Frame::I420(own) => own.convert_from(rgb).unwrap(),
                Frame::Rgb(own) => own.pixels_mut().copy_from_slice(rgb.pixels()),
            }
            inputs.push(frame);
        }
        let start = processor_seconds();
        inputs.iter().for_each(|frame| encoder.write(frame).unwrap());
        let Written::Bytes(bytes) = encoder.finish().unwrap() else { panic!() };
        let seconds = processor_seconds() - start;
        eprintln!(
            "{container:?} {width}×{height}: {:.1} fps, {} kB, {:.1} Mbit/s",
            f64::from(spec.frames) / seconds,
            bytes.len() / 1000,
            bytes.len() as f64 * 8e-6 / 2.0
        );
        if container == Container::Mp4 {
            let decoded = super::mp4::decode(&bytes);
            let luma = (width * height) as usize;
            let mut worst = (f64::MAX, f64::MAX);
            let mut mean = 0.0;
            for (planes, frame) in decoded.iter().zip(&inputs) {
                let Frame::I420(frame) = frame else { panic!() };
                let y = psnr(&planes[..luma], frame.y());
                mean += y / f64::from(spec.frames);
                worst = (
                    worst.0.min(y),
                    worst.1.min(psnr(&planes[luma..], &[frame.u(), frame.v()].concat())),
                );
            }
            eprintln!(
                "  luma {mean:.1} dB mean, {:.1} worst, chroma {:.1} worst",
                worst.0, worst.1
            );
        }
        if let Some(folder) = std::env::var_os("KINORA_KEEP") {
            let name = format!("tune.{}", container.extension());
            std::fs::write(Path::new(&folder).join(name), &bytes).unwrap();
        }
    }
}
