//! The full-frame warp beside OpenCV's `remap`, taking turns: `bench_warp`.
//!
//! Both get the same 1280×720 picture and the same displacements; OpenCV's are spread to every
//! pixel beforehand, ours are interpolated from nodes 8 pixels apart within the measured time.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use kinora::render::Warper;
use kinora::{Orientation, Photo};

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
const STEP: usize = 8;
const THREADS: usize = 2;
const TURNS: usize = 15;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let python = std::env::var("KINORA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let folder = tempfile::tempdir()?;
    let picture = picture();
    let rgba: Vec<u8> = picture.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let photo =
        Photo::from_pixels(&rgba, WIDTH as u32, HEIGHT as u32, 4 * WIDTH, Orientation::default())?;
    let warper = Warper::new(&photo)?;
    let (columns, rows) = warper.nodes(STEP);
    let nodes: Vec<[f32; 2]> = (0..columns * rows)
        .map(|i| shift((i % columns * STEP) as f32, (i / columns * STEP) as f32))
        .collect();
    let map: Vec<u8> = (0..WIDTH * HEIGHT)
        .flat_map(|i| {
            let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
            let [dx, dy] = shift(x, y);
            [x + dx, y + dy]
        })
        .flat_map(f32::to_le_bytes)
        .collect();
    std::fs::write(folder.path().join("picture.rgb"), &picture)?;
    std::fs::write(folder.path().join("map.f32"), &map)?;

    let threads = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
    let mut out = vec![0; picture.len()];
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/opencv_warp.py");
    let mut peer = Command::new(python)
        .arg(script)
        .arg(folder.path())
        .args([WIDTH, HEIGHT, THREADS, ROUNDS].map(|n| n.to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ask = peer.stdin.take().ok_or("no pipe to the peer")?;
    let mut answers = BufReader::new(peer.stdout.take().ok_or("no pipe from the peer")?).lines();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let fastest = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                threads.install(|| warper.draw(STEP, &nodes, &mut out)).map(|()| start.elapsed())
            })
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .min();
        ours.push(fastest.ok_or("no rounds")?.as_secs_f64());
        writeln!(ask)?;
        theirs.push(answers.next().ok_or("the peer stopped")??.trim().parse::<f64>()?);
    }
    drop(ask);
    peer.wait()?;
    let peer_out = std::fs::read(folder.path().join("out.rgb"))?;
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "{}",
        serde_json::json!({
            "what": "warp_time",
            "ours": ours,
            "opencv": theirs,
            "ratio": ours / theirs,
            "psnr": psnr(&out, &peer_out),
        })
    );
    Ok(())
}

/// A slow swirl of up to a dozen pixels, as a clip's frames have.
fn shift(x: f32, y: f32) -> [f32; 2] {
    let (u, v) = (x / WIDTH as f32, y / HEIGHT as f32);
    [12.0 * (5.0 * v).sin() * (3.0 * u).cos(), 9.0 * (4.0 * u + 1.0).sin() * (2.0 * v).cos()]
}

/// Waves of several lengths and a little texture.
fn picture() -> Vec<u8> {
    (0..WIDTH * HEIGHT)
        .flat_map(|i| {
            let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
            [0.9f32, 1.0, 1.1].map(|k| {
                let wave = (x * 0.05 * k).sin() + (y * 0.07 / k).cos() + 0.5 * (x * y * 1e-3).sin();
                (128.0 + 45.0 * wave) as u8
            })
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Apart from a border of 16 pixels, where the two repeat the edge differently.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let inner = |i: &usize| {
        let (x, y) = (i / 3 % WIDTH, i / 3 / WIDTH);
        (16..WIDTH - 16).contains(&x) && (16..HEIGHT - 16).contains(&y)
    };
    let indices: Vec<usize> = (0..a.len()).filter(inner).collect();
    let squares: f64 = indices.iter().map(|&i| (f64::from(a[i]) - f64::from(b[i])).powi(2)).sum();
    10.0 * (255.0 * 255.0 * indices.len() as f64 / squares).log10()
}
