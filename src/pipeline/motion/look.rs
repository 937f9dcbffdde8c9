//! A darkroom for whoever works on the decoder: given poses of given photos, to be looked at.
//!
//! KINORA_LOOK_PHOTOS=a.jpg:b.jpg KINORA_LOOK_POSES="shut lid_l=1 lid_r=1;turned yaw=0.2"
//! KINORA_LOOK_OUT=folder cargo test --release --lib given_poses -- --ignored

use std::env;
use std::fmt::Write as _;
use std::path::Path;

use super::channels::{Pose, RIG};
use super::decoder::Decoder;
use super::portrait::Portrait;
use super::scene::Framing;
use super::{MotionModels, MotionPipeline};
use crate::face::{Detector, DetectorOptions};
use crate::photo::Photo;
use crate::render::canvas::{Canvas, ColourSpace};
use crate::render::warp::warp_rgb;
use crate::runtime::{Cancel, Runtime, RuntimeOptions};

/// Long side of what is drawn, pixels.
const LONG_SIDE: f32 = 1024.0;

fn pose(words: &str) -> Pose {
    let mut pose = Pose::REST;
    for word in words.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap();
        let channel = RIG.iter().position(|rig| *rig == name).unwrap();
        pose.0[channel] = value.parse().unwrap();
    }
    pose
}

/// Writes NAME.POSE.ppm, and NAME.txt with the origin, inter-ocular distance and roll of each face
/// on the canvas.
#[test]
#[ignore = "a tool: draws what KINORA_LOOK_PHOTOS and KINORA_LOOK_POSES name"]
fn given_poses() {
    let set = |name: &str| env::var(name).unwrap_or_default();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let read = |name: &str| std::fs::read(models.join(name)).unwrap();
    let runtime = Runtime::open(&RuntimeOptions::default()).unwrap();
    let options = DetectorOptions::default().score(0.5).nested(false);
    let detector = Detector::open(&runtime, &read("face_detector.onnx"), options).unwrap();
    let (perception, points, motion) =
        (read("perception.onnx"), read("face_points.onnx"), read("motion.onnx"));
    let models = MotionModels { perception: &perception, points: &points, motion: &motion };
    let pipeline = MotionPipeline::open(&runtime, models).unwrap();
    let cancel = Cancel::new();
    for path in env::split_paths(&set("KINORA_LOOK_PHOTOS")) {
        let photo = Photo::open(&path).unwrap();
        let scale = LONG_SIDE / photo.width().max(photo.height()) as f32;
        let even = |side: u32| 2 * (side as f32 * scale / 2.0).round() as usize;
        let size = [even(photo.width()), even(photo.height())];
        let faces = detector.detect(&photo, &cancel).unwrap();
        let (whole, portraits) = pipeline.look(&photo, &faces, size, &cancel).unwrap();
        let mut about = String::new();
        for Portrait { frame, .. } in &portraits {
            let ([x, y], unit) = (frame.to_canvas([0.0, 0.0]), frame.unit());
            writeln!(about, "{x} {y} {unit} {}", frame.roll()).unwrap();
        }
        let count = portraits.len();
        let mut decoder = Decoder::new(
            size,
            super::moving_part(&photo, size),
            &whole,
            &portraits,
            pipeline.network.modes(),
        );
        let canvas = Canvas::new(&photo, size[0], size[1], ColourSpace::Rgb).unwrap();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let out = Path::new(&set("KINORA_LOOK_OUT")).join(stem);
        std::fs::write(out.with_extension("txt"), about).unwrap();
        for line in set("KINORA_LOOK_POSES").split(';') {
            let (name, words) = line.split_once(' ').unwrap_or((line, ""));
            let map = decoder.map(&vec![pose(words); count.max(1)], Framing::default());
            let mut pixels = vec![0; 3 * size[0] * size[1]];
            warp_rgb(&canvas, &map, &mut pixels);
            let mut ppm = format!("P6 {} {} 255\n", size[0], size[1]).into_bytes();
            ppm.extend(pixels);
            std::fs::write(out.with_extension(format!("{name}.ppm")), ppm).unwrap();
        }
    }
}
