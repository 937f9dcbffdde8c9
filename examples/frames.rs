//! Takes the frames one by one, as an app with an encoder of its own does:
//! `cargo run --release --example frames -- PHOTO`.

use std::time::Duration;

use kinora::clip::{Fps, I420, SinkResult};
use kinora::{FrameSink, GenerationRequest, Output, Photo, Studio, StudioOptions};

/// Prints how bright each frame is; an encoder would stand here.
#[derive(Default)]
struct Brightness {
    frames: u32,
    sum: f64,
}

impl FrameSink for Brightness {
    fn begin(&mut self, width: u32, height: u32, fps: Fps) -> SinkResult {
        println!("{width}×{height} at {fps} frames a second");
        Ok(())
    }

    fn frame(&mut self, frame: &I420, timestamp: Duration) -> SinkResult {
        // Rows may be longer than the picture is wide: an encoder has to keep to the stride.
        let width = frame.width() as usize;
        let rows = frame.y().chunks(frame.y_stride()).take(frame.height() as usize);
        let sum: u64 = rows.flat_map(|row| &row[..width]).map(|luma| u64::from(*luma)).sum();
        let mean = sum as f64 / (width as f64 * f64::from(frame.height()));
        println!("{:7.3} s  mean luma {mean:.2}", timestamp.as_secs_f64());
        self.frames += 1;
        self.sum += mean;
        Ok(())
    }

    fn finish(&mut self) -> SinkResult {
        println!("{} frames, mean luma {:.2}", self.frames, self.sum / f64::from(self.frames));
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let photo = std::env::args().nth(1).ok_or("say which photo: frames PHOTO")?;
    let studio = Studio::open(StudioOptions::default())?;
    let request = GenerationRequest::animate(Photo::open(photo)?)
        .output(Output::sink(Box::new(Brightness::default())));
    studio.generate(request)?.wait()?;
    Ok(())
}
