//! `kinora faces`: the faces of photos, as text, JSON or a picture.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use kinora::face::{Detector, DetectorOptions};
use kinora::runtime::{Cancel, Runtime, RuntimeOptions};
use kinora::{Face, Photo, Result, Studio, StudioOptions};
use serde_json::{Value, json};

use crate::{complain, say};

#[derive(Args)]
pub(crate) struct Faces {
    /// Photos to look at.
    #[arg(required = true)]
    photos: Vec<PathBuf>,
    /// Another detector (YuNet or UltraFace, ONNX) than the embedded one.
    #[arg(long, value_name = "MODEL.onnx")]
    pack: Option<PathBuf>,
    /// One line of JSON per photo.
    #[arg(long)]
    json: bool,
    /// Draw boxes and points of a single photo into this PNG file.
    #[arg(long, value_name = "OUT.png")]
    overlay: Option<PathBuf>,
}

/// The embedded detector comes with the studio, another one stands alone.
enum Finder {
    Studio(Studio),
    Pack(Box<Detector>),
}

impl Finder {
    fn find(&self, photo: &Photo) -> Result<Vec<Face>> {
        match self {
            Self::Studio(studio) => studio.faces(photo),
            Self::Pack(detector) => detector.detect(photo, &Cancel::new()),
        }
    }
}

impl Faces {
    pub(crate) fn run(self) -> ExitCode {
        if self.overlay.is_some() && self.photos.len() > 1 {
            eprintln!("error: --overlay takes one photo");
            return ExitCode::FAILURE;
        }
        let finder = match self.finder() {
            Ok(finder) => finder,
            Err(code) => return code,
        };
        let mut failed = false;
        for path in &self.photos {
            let found = Photo::open(path).and_then(|photo| {
                let faces = finder.find(&photo)?;
                Ok((photo, faces))
            });
            match found {
                Ok((photo, faces)) => {
                    self.tell(path, &photo, &faces);
                    if let Some(out) = &self.overlay
                        && let Err(error) = overlay(out, &photo, &faces)
                    {
                        eprintln!("error: {} cannot be written: {error}", out.display());
                        failed = true;
                    }
                }
                Err(error) => {
                    failed = true;
                    if self.json {
                        let error = json!({"code": error.code(), "message": error.to_string()});
                        say(json!({"photo": path, "error": error}));
                    } else {
                        eprintln!("{}: {error} [{}]", path.display(), error.code());
                    }
                }
            }
        }
        if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn finder(&self) -> std::result::Result<Finder, ExitCode> {
        match &self.pack {
            None => Studio::open(StudioOptions::default())
                .map(Finder::Studio)
                .map_err(|error| complain(&error)),
            Some(pack) => {
                let runtime =
                    Runtime::open(&RuntimeOptions::default()).map_err(|error| complain(&error))?;
                let model = std::fs::read(pack).map_err(|error| {
                    eprintln!("error: {} cannot be read: {error}", pack.display());
                    ExitCode::FAILURE
                })?;
                Detector::open(&runtime, &model, DetectorOptions::default())
                    .map(|detector| Finder::Pack(Box::new(detector)))
                    .map_err(|error| complain(&error))
            }
        }
    }

    fn tell(&self, path: &Path, photo: &Photo, faces: &[Face]) {
        if self.json {
            let faces: Vec<Value> = faces.iter().map(face_json).collect();
            let (width, height) = (photo.width(), photo.height());
            say(json!({"photo": path, "width": width, "height": height, "faces": faces}));
            return;
        }
        let (width, height) = (photo.width(), photo.height());
        say(format_args!("{}: {} ({width}×{height})", path.display(), faces.len()));
        for (i, face) in faces.iter().enumerate() {
            let [x, y, w, h] = *face.bounds();
            say(format_args!(
                "  {i}: {w:.0}×{h:.0} at ({x:.0}, {y:.0}), score {:.2}",
                face.score()
            ));
        }
    }
}

fn face_json(face: &Face) -> Value {
    json!({"box": face.bounds(), "score": face.score(), "points": face.landmarks().points()})
}

/// The photo with boxes and points drawn in.
fn overlay(
    out: &Path,
    photo: &Photo,
    faces: &[Face],
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut pixels = photo.pixels().to_vec();
    let (width, height) = (photo.width() as i64, photo.height() as i64);
    let line = (width.max(height) / 400).max(1);
    let mut dot = |x: f32, y: f32, size: i64, colour: [u8; 3]| {
        for dy in -size..=size {
            for dx in -size..=size {
                let (x, y) = (x.round() as i64 + dx, y.round() as i64 + dy);
                if (0..width).contains(&x) && (0..height).contains(&y) {
                    let at = 3 * (y * width + x) as usize;
                    pixels[at..at + 3].copy_from_slice(&colour);
                }
            }
        }
    };
    for face in faces {
        let [x, y, w, h] = *face.bounds();
        for i in 0..=(2.0 * w.max(h)) as usize {
            let t = i as f32 / (2.0 * w.max(h));
            for (px, py) in [(x + t * w, y), (x + t * w, y + h), (x, y + t * h), (x + w, y + t * h)]
            {
                dot(px, py, line, [0, 200, 80]);
            }
        }
        for [px, py] in face.landmarks().points() {
            dot(*px, *py, 2 * line, [255, 210, 0]);
        }
    }
    let file = BufWriter::new(File::create(out)?);
    let mut encoder = png::Encoder::new(file, photo.width(), photo.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(())
}
