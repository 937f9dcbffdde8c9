//! Twenty photos × three prompts on one sheet, a row for each photo: the photo, then for each prompt
//! the frame that has moved farthest in the first half of the clip and in the second.
//!
//! `cargo run --release --example contact_sheet -- DATA OUT.jpg`, or `cargo xtask sheet`.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Cursor};
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, ImageReader, RgbImage};
use kinora::{Container, Face, GenerationRequest, Output, Photo, Studio, StudioOptions};

/// Portraits that no network of ours was trained on, the standard portraits, and two photos without
/// a person's face. docs/contact-sheet.md has their licences.
const PHOTOS: [&str; 20] = [
    "faces/synthetic/expression_x_sex_013.jpg",
    "faces/synthetic/ethnicity_004.jpg",
    "faces/synthetic/ethnicity_024.jpg",
    "faces/synthetic/ethnicity_051.jpg",
    "faces/synthetic/facial_hair_012.jpg",
    "faces/synthetic/facial_hair_034.jpg",
    "faces/synthetic/glasses_001.jpg",
    "faces/synthetic/glasses_style_016.jpg",
    "faces/synthetic/hair_style_026.jpg",
    "faces/synthetic/hair_color_045.jpg",
    "faces/synthetic/hats_019.jpg",
    "faces/synthetic/lighting_042.jpg",
    "faces/synthetic/physical_characteristics_026.jpg",
    "faces/synthetic/jewelry_007.jpg",
    "faces/synthetic/face_pose_002.jpg",
    "faces/synthetic/hair_style_002.jpg",
    "faces/imageio/astronaut.png",
    "faces/pillow_hopper/hopper.png",
    "photos/imageio/chelsea.png",
    "photos/imageio/coffee.png",
];
const OF_A_FACE: [&str; 3] =
    ["smiles and blinks", "first turn left, then turn right", "looks up, then nods, slow zoom in"];
const OF_A_SCENE: [&str; 3] = ["", "pan left, then pan right", "slow zoom in, parallax"];

const SECONDS: f32 = 2.5;
const FPS: f64 = 12.0;
const LONG_SIDE: u32 = 512;
/// Side of the square round a face, in sides of the face.
const ROUND_A_FACE: f32 = 2.2;
/// Side of a cell and the space between cells, pixels.
const CELL: u32 = 168;
const GAP: u32 = 4;
/// Columns: the photo, then two frames for each prompt.
const COLUMNS: u32 = 7;
const QUALITY: u8 = 88;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(data), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("say where the photos are and where the sheet goes: DATA OUT.jpg".into());
    };
    let studio = Studio::open(StudioOptions::default())?;
    let mut sheet = RgbImage::from_pixel(
        COLUMNS * (CELL + GAP) + GAP,
        PHOTOS.len() as u32 * (CELL + GAP) + GAP,
        image::Rgb([255; 3]),
    );
    for (row, name) in PHOTOS.iter().enumerate() {
        let photo = Photo::open(data.join(name))?;
        let faces = studio.faces(&photo)?;
        let prompts = if faces.is_empty() { OF_A_SCENE } else { OF_A_FACE };
        let part = part(&photo, faces.first());
        put(&mut sheet, 0, row, &cut(&picture(&photo)?, part));
        for (column, prompt) in prompts.iter().enumerate() {
            let frames = frames(&studio, photo.clone(), prompt, row as u64)?;
            let frames: Vec<RgbImage> = frames.iter().map(|frame| cut(frame, part)).collect();
            let (early, late) = frames.split_at(frames.len() / 2);
            for (half, part) in [early, late].into_iter().enumerate() {
                let peak = part.iter().max_by_key(|frame| difference(frame, &frames[0]));
                let peak = peak.ok_or("a clip without frames")?;
                put(&mut sheet, 1 + 2 * column + half, row, peak);
            }
        }
        eprintln!("{name}: {} faces", faces.len());
    }
    save(&sheet, &out)
}

/// All frames of a clip, lossless.
fn frames(
    studio: &Studio,
    photo: Photo,
    prompt: &str,
    seed: u64,
) -> Result<Vec<RgbImage>, Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("kinora-sheet-{}", std::process::id()));
    let request = GenerationRequest::animate(photo)
        .prompt(prompt)
        .seconds(SECONDS)
        .fps(FPS)
        .seed(seed)
        .size(LONG_SIDE)
        .output(Output::bytes(Container::Gif).with_frames(&folder));
    let clip = studio.generate(request)?.wait()?;
    let read = |index: u32| -> Result<RgbImage, Box<dyn Error>> {
        let bytes = std::fs::read(folder.join(format!("frame_{index:04}.png")))?;
        Ok(ImageReader::new(Cursor::new(bytes)).with_guessed_format()?.decode()?.into_rgb8())
    };
    let frames = (0..clip.frames).map(read).collect();
    std::fs::remove_dir_all(&folder)?;
    frames
}

fn picture(photo: &Photo) -> Result<RgbImage, Box<dyn Error>> {
    let pixels = photo.pixels().to_vec();
    RgbImage::from_raw(photo.width(), photo.height(), pixels).ok_or_else(|| "a torn photo".into())
}

fn difference(a: &RgbImage, b: &RgbImage) -> u64 {
    a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
}

/// What a row shows: the square round the largest face, else round the middle, as left, top, width
/// and height in shares of the picture.
fn part(photo: &Photo, face: Option<&Face>) -> [f32; 4] {
    let (width, height) = (photo.width() as f32, photo.height() as f32);
    let shortest = width.min(height);
    let (x, y, side) = match face.map(Face::bounds) {
        Some([x, y, w, h]) => (x + w / 2.0, y + h / 2.0, (ROUND_A_FACE * w.max(*h)).min(shortest)),
        None => (width / 2.0, height / 2.0, shortest),
    };
    let left = (x - side / 2.0).clamp(0.0, width - side);
    let top = (y - side / 2.0).clamp(0.0, height - side);
    [left / width, top / height, side / width, side / height]
}

fn cut(picture: &RgbImage, [left, top, width, height]: [f32; 4]) -> RgbImage {
    let across = |share: f32| (share * picture.width() as f32) as u32;
    let down = |share: f32| (share * picture.height() as f32) as u32;
    imageops::crop_imm(picture, across(left), down(top), across(width), down(height)).to_image()
}

fn put(sheet: &mut RgbImage, column: usize, row: usize, picture: &RgbImage) {
    let cell = imageops::resize(picture, CELL, CELL, FilterType::Lanczos3);
    let at = |index: usize| i64::from(GAP + index as u32 * (CELL + GAP));
    imageops::replace(sheet, &cell, at(column), at(row));
}

fn save(sheet: &RgbImage, out: &Path) -> Result<(), Box<dyn Error>> {
    let file = BufWriter::new(File::create(out)?);
    JpegEncoder::new_with_quality(file, QUALITY).encode(
        sheet.as_raw(),
        sheet.width(),
        sheet.height(),
        ExtendedColorType::Rgb8,
    )?;
    let bytes = std::fs::metadata(out)?.len();
    eprintln!("{}: {}×{}, {bytes} bytes", out.display(), sheet.width(), sheet.height());
    Ok(())
}
