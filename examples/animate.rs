//! A photo becomes a clip: `cargo run --release --example animate -- PHOTO [OUT.mp4]`.

use kinora::{GenerationRequest, Output, Photo, Studio, StudioOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let photo = arguments.next().ok_or("say which photo: animate PHOTO [OUT.mp4]")?;
    let out = arguments.next().unwrap_or_else(|| "clip.mp4".to_owned());

    let studio = Studio::open(StudioOptions::default())?;
    let job = studio.generate(
        GenerationRequest::animate(Photo::open(photo)?)
            .prompt("she smiles, slow zoom in")
            .seconds(2.0)
            .seed(7)
            .output(Output::from_path(&out)?),
    )?;
    let clip = job.wait()?;
    println!("{out}: {} frames in {:.2} s", clip.frames, clip.seconds.total);
    Ok(())
}
