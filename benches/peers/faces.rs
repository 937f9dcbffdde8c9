//! Our face detector beside OpenCV's on the same pixels and the same YuNet file.
//!
//! ```text
//! cargo run --release --example bench_faces -- parity MODEL.onnx FOLDER...
//! cargo run --release --example bench_faces -- time MODEL.onnx PICTURE
//! ```
//! Both start `opencv_faces.py` with the Python that `KINORA_PYTHON` names (default `python3`;
//! it needs opencv-python-headless and numpy) and print one line of JSON.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use kinora::face::{Detector, DetectorOptions};
use kinora::photo::Orientation;
use kinora::runtime::{Cancel, Runtime, RuntimeOptions};
use kinora::{ExecutionProvider, Face, Photo};
use serde_json::json;

const SIZE: u32 = 640;
const THREADS: usize = 2;
const WARM_UP: usize = 10;
const ROUNDS: usize = 12;
const CALLS: usize = 15;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [mode, model, folders @ ..] if mode == "parity" && !folders.is_empty() => {
            parity(model, folders)?
        }
        [mode, model, picture] if mode == "time" => time(model, picture)?,
        _ => return Err("say: parity MODEL.onnx FOLDER... | time MODEL.onnx PICTURE".into()),
    };
    println!("{result}");
    Ok(())
}

/// Of all faces that either side finds, how many agree?
fn parity(model: &str, folders: &[String]) -> Outcome<serde_json::Value> {
    let detector = detector(model)?;
    let mut peer = Peer::start("pictures", model, folders)?;
    let (mut pictures, mut ours, mut theirs, mut matched, mut agreed) = (0, 0, 0, 0, 0);
    let (mut worst_point, mut least_overlap) = (0.0f32, 1.0f32);
    while let Some(record) = peer.record()? {
        let faces = detector.detect(&record.photo()?, &Cancel::new())?;
        pictures += 1;
        ours += faces.len();
        theirs += record.faces.len();
        for (face, row) in pairs(&faces, &record.faces) {
            let overlap = overlap(face.bounds(), &row[..4]);
            let off = points_off(face, row);
            matched += 1;
            least_overlap = least_overlap.min(overlap);
            worst_point = worst_point.max(off);
            agreed += usize::from(overlap >= 0.99 && off <= 0.5);
        }
    }
    // A face that only one side finds counts as one that does not agree.
    let all = ours + theirs - matched;
    Ok(json!({
        "what": "face_parity", "pictures": pictures, "faces": all, "ours": ours, "opencv": theirs,
        "matched": matched, "agreed": agreed, "share": agreed as f64 / all.max(1) as f64,
        "least_overlap": least_overlap, "worst_point_px": worst_point,
    }))
}

/// Both sides in turn, so that other work on the machine slows both.
fn time(model: &str, picture: &str) -> Outcome<serde_json::Value> {
    let detector = detector(model)?;
    let mut peer = Peer::start("time", model, &[picture.to_owned()])?;
    let record = peer.record()?.ok_or("the peer cannot read the picture")?;
    let photo = record.photo()?;
    let ours = |calls: usize| -> Outcome<Vec<f64>> {
        let mut times = Vec::new();
        for _ in 0..calls {
            let start = Instant::now();
            detector.detect(&photo, &Cancel::new())?;
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
        Ok(times)
    };
    ours(WARM_UP)?;
    peer.times(WARM_UP)?;
    let (mut us, mut them) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        us.extend(ours(CALLS)?);
        them.extend(peer.times(CALLS)?);
    }
    let (us, them) = (median(us), median(them));
    Ok(json!({
        "what": "face_time", "size": SIZE, "threads": THREADS, "faces": record.faces.len(),
        "ours_ms": us, "opencv_ms": them, "ratio": us / them,
    }))
}

fn detector(model: &str) -> Outcome<Detector> {
    let options =
        RuntimeOptions::default().threads(THREADS).execution_provider(ExecutionProvider::Cpu);
    let runtime = Runtime::open(&options)?;
    // OpenCV does not look at the points' order.
    let options =
        DetectorOptions::default().score(0.6).overlap(0.3).long_side(SIZE as usize).misshapen(true);
    Ok(Detector::open(&runtime, &std::fs::read(model)?, options)?)
}

struct Peer {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Peer {
    fn start(mode: &str, model: &str, paths: &[String]) -> Outcome<Self> {
        let python = std::env::var("KINORA_PYTHON").unwrap_or_else(|_| "python3".into());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/opencv_faces.py");
        let mut child = Command::new(python)
            .arg(script)
            .args([mode, model])
            .args(paths)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = BufReader::new(child.stdout.take().ok_or("the peer has no output")?);
        Ok(Self { child, out })
    }

    fn record(&mut self) -> Outcome<Option<Record>> {
        let mut length = [0; 4];
        if self.out.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        self.out.read_exact(&mut length[1..])?;
        let mut name = vec![0; u32::from_le_bytes(length) as usize];
        self.out.read_exact(&mut name)?;
        let mut rgba = vec![0; (4 * SIZE * SIZE) as usize];
        self.out.read_exact(&mut rgba)?;
        self.out.read_exact(&mut length)?;
        let mut rows = vec![0; 60 * u32::from_le_bytes(length) as usize];
        self.out.read_exact(&mut rows)?;
        let numbers: Vec<f32> =
            rows.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok(Some(Record { rgba, faces: numbers.as_chunks::<15>().0.to_vec() }))
    }

    fn times(&mut self, calls: usize) -> Outcome<Vec<f64>> {
        let stdin = self.child.stdin.as_mut().ok_or("the peer has no input")?;
        writeln!(stdin, "{calls}")?;
        stdin.flush()?;
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        Ok(line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

struct Record {
    rgba: Vec<u8>,
    faces: Vec<[f32; 15]>,
}

impl Record {
    fn photo(&self) -> kinora::Result<Photo> {
        Photo::from_pixels(&self.rgba, SIZE, SIZE, 4 * SIZE as usize, Orientation::Upright)
    }
}

/// Each of their faces with the one of ours that overlaps it most, each of ours once.
fn pairs<'f>(ours: &'f [Face], theirs: &'f [[f32; 15]]) -> Vec<(&'f Face, &'f [f32; 15])> {
    let mut free: Vec<&Face> = ours.iter().collect();
    let mut pairs = Vec::new();
    for row in theirs {
        let best = (0..free.len()).max_by(|a, b| {
            let of = |i: &usize| overlap(free[*i].bounds(), &row[..4]);
            of(a).total_cmp(&of(b))
        });
        if let Some(best) = best.filter(|best| overlap(free[*best].bounds(), &row[..4]) > 0.5) {
            pairs.push((free.swap_remove(best), row));
        }
    }
    pairs
}

fn overlap(a: &[f32], b: &[f32]) -> f32 {
    let side = |i: usize| (a[i] + a[i + 2]).min(b[i] + b[i + 2]) - a[i].max(b[i]);
    let shared = side(0).max(0.0) * side(1).max(0.0);
    shared / (a[2] * a[3] + b[2] * b[3] - shared)
}

fn points_off(face: &Face, row: &[f32; 15]) -> f32 {
    let theirs = row[4..14].as_chunks::<2>().0;
    face.landmarks()
        .points()
        .iter()
        .zip(theirs)
        .fold(0.0, |worst, (a, b)| worst.max((a[0] - b[0]).hypot(a[1] - b[1])))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
