//! MP4: what is in the file, by our own walk through its boxes and by ffprobe where it is there.
#![cfg(all(feature = "openh264", not(any(target_os = "ios", target_os = "android"))))]

use std::process::Command;

use openh264::decoder::Decoder;
use openh264::formats::YUVSource;

use super::*;

/// The bodies of the boxes at `path`, such as `moov/trak/tkhd`.
pub(crate) fn find<'a>(bytes: &'a [u8], path: &str) -> Option<&'a [u8]> {
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let size = u32_at(bytes, at) as usize;
        if &bytes[at + 4..at + 8] == name.as_bytes() {
            let body = &bytes[at + 8..at + size];
            return match rest {
                None => Some(body),
                Some(rest) => find(&body[inner(name)..], rest),
            };
        }
        at += size;
    }
    None
}

/// Where the boxes inside a box begin.
fn inner(name: &str) -> usize {
    match name {
        "stsd" | "dref" => 8,
        "avc1" => 78,
        _ => 0,
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

const TABLE: &str = "moov/trak/mdia/minf/stbl";

/// Each frame's bytes, by the tables of the index.
pub(crate) fn samples(file: &[u8]) -> Vec<&[u8]> {
    let sizes = find(file, &format!("{TABLE}/stsz")).unwrap();
    let mut at = u32_at(find(file, &format!("{TABLE}/stco")).unwrap(), 8) as usize;
    (0..u32_at(sizes, 8) as usize)
        .map(|i| {
            let size = u32_at(sizes, 12 + 4 * i) as usize;
            at += size;
            &file[at - size..at]
        })
        .collect()
}

/// Each frame's planes, decoded by OpenH264: Y', Cb, Cr one after another.
pub(crate) fn decode(file: &[u8]) -> Vec<Vec<u8>> {
    let avcc = find(file, &format!("{TABLE}/stsd/avc1/avcC")).unwrap();
    let sps = usize::from(u16::from_be_bytes([avcc[6], avcc[7]]));
    let pps = usize::from(u16::from_be_bytes([avcc[9 + sps], avcc[10 + sps]]));
    let mut decoder = Decoder::new().unwrap();
    let start = [0, 0, 0, 1];
    let sets = [&start, &avcc[8..8 + sps], &start, &avcc[11 + sps..11 + sps + pps]].concat();
    let mut frames = Vec::new();
    assert!(decoder.decode(&sets).unwrap().is_none());
    for sample in samples(file) {
        let mut stream = Vec::new();
        let mut at = 0;
        while at < sample.len() {
            let size = u32_at(sample, at) as usize;
            stream.extend(start);
            stream.extend_from_slice(&sample[at + 4..at + 4 + size]);
            at += 4 + size;
        }
        let decoded = decoder.decode(&stream).unwrap().expect("a frame without delay");
        let (width, height) = decoded.dimensions();
        let mut planes = Vec::new();
        let (y, u, v) = decoded.strides();
        for (plane, stride, width, height) in [
            (decoded.y(), y, width, height),
            (decoded.u(), u, width / 2, height / 2),
            (decoded.v(), v, width / 2, height / 2),
        ] {
            plane
                .chunks(stride)
                .take(height)
                .for_each(|row| planes.extend_from_slice(&row[..width]));
        }
        frames.push(planes);
    }
    frames
}

pub(crate) fn planes_of(number: u32, spec: &ClipSpec) -> Vec<u8> {
    let mut frame = Frame::new(Layout::I420, spec.width, spec.height).unwrap();
    draw(&mut frame, number);
    match frame {
        Frame::I420(frame) => [frame.y(), frame.u(), frame.v()].concat(),
        Frame::Rgb(_) => unreachable!(),
    }
}

#[test]
fn the_file_says_what_is_in_it() {
    let spec = spec(322, 242, 24.0, 50);
    let file = make_bytes(Container::Mp4, &spec);
    let order: Vec<usize> = ["ftyp", "moov", "free", "mdat"]
        .map(|name| file.windows(4).position(|at| at == name.as_bytes()).unwrap())
        .to_vec();
    assert!(order.is_sorted(), "{order:?}");

    let header = find(&file, "moov/mvhd").unwrap();
    assert_eq!((u32_at(header, 4), u32_at(header, 8)), (0, 0), "dates");
    let (scale, ticks) = (u32_at(header, 12), u32_at(header, 16));
    assert_eq!(u64::from(ticks) * 24, u64::from(scale) * 50);
    let track = find(&file, "moov/trak/tkhd").unwrap();
    assert_eq!((u32_at(track, 76) >> 16, u32_at(track, 80) >> 16), (322, 242));
    let keys = find(&file, &format!("{TABLE}/stss")).unwrap();
    assert_eq!((u32_at(keys, 4), u32_at(keys, 8), u32_at(keys, 12)), (2, 1, 49));
    let colour = find(&file, &format!("{TABLE}/stsd/avc1/colr")).unwrap();
    assert_eq!(colour, b"nclx\0\x01\0\x01\0\x01\0");
    let avcc = find(&file, &format!("{TABLE}/stsd/avc1/avcC")).unwrap();
    assert_eq!(avcc[1], 100, "High profile");
    assert!(find(&file, &format!("{TABLE}/ctts")).is_none(), "no frame is reordered");
}

#[test]
fn the_decoded_pictures_are_the_drawn_ones() {
    // In one macroblock the disc's hard edge is all there is: measured 40.0 dB at the worst.
    for (width, height, least) in
        [(320, 240, 40.0), (322, 182, 40.0), (16, 16, 39.0), (130, 258, 40.0)]
    {
        let spec = spec(width, height, 25.0, 20);
        let file = make_bytes(Container::Mp4, &spec);
        let decoded = decode(&file);
        assert_eq!(decoded.len(), 20);
        for (number, planes) in decoded.iter().enumerate() {
            let quality = psnr(planes, &planes_of(number as u32, &spec));
            assert!(quality >= least, "{width}×{height} frame {number}: {quality:.1} dB");
        }
    }
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let spec = spec(320, 240, 29.97, 40);
    assert_eq!(make_bytes(Container::Mp4, &spec), make_bytes(Container::Mp4, &spec));
}

#[test]
fn rgb_frames_give_the_same_clip_as_i420() {
    let spec = spec(64, 48, 10.0, 5);
    let mut encoder = open(Output::bytes(Container::Mp4), &spec, Finish::none()).unwrap();
    let mut frame = Frame::new(Layout::Rgb, 64, 48).unwrap();
    for number in 0..spec.frames {
        draw(&mut frame, number);
        encoder.write(&frame).unwrap();
    }
    let Written::Bytes(bytes) = encoder.finish().unwrap() else { panic!() };
    assert_eq!(bytes, make_bytes(Container::Mp4, &spec));
}

#[test]
fn every_rate_is_exact() {
    for (fps, frames) in [(1.0, 2), (12.5, 25), (23.976, 48), (29.97, 33), (60.0, 61)] {
        let spec = spec(32, 32, fps, frames);
        let file = make_bytes(Container::Mp4, &spec);
        let media = find(&file, "moov/trak/mdia/mdhd").unwrap();
        let (scale, ticks) = (u64::from(u32_at(media, 12)), u64::from(u32_at(media, 16)));
        let seconds = u64::from(frames) * u64::from(spec.fps.denominator());
        assert_eq!(ticks * u64::from(spec.fps.numerator()), scale * seconds, "{fps}");
    }
}

#[test]
fn sizes_that_h264_cannot_take_are_refused_at_once() {
    let refused = |width, height| {
        open(Output::bytes(Container::Mp4), &spec(width, height, 24.0, 2), Finish::none())
            .err()
            .unwrap()
            .code()
    };
    assert_eq!(refused(101, 100), "request.odd_size");
    assert_eq!(refused(100, 0), "request.odd_size");
    assert_eq!(refused(4096, 2160), "output.size");
    assert_eq!(refused(14, 64), "output.size");
}

#[test]
fn ffprobe_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    for (fps, frames, rate, duration) in
        [(24.0, 48, "24/1", 2.0), (29.97, 60, "30000/1001", 2.002), (60.0, 30, "60/1", 0.5)]
    {
        make(Output::mp4(&path), &spec(320, 180, fps, frames)).unwrap();
        let entries = "stream=profile,has_b_frames,color_space,color_transfer,color_primaries,\
                       color_range,r_frame_rate,avg_frame_rate,nb_read_frames,duration:\
                       format=duration";
        let run = Command::new("ffprobe")
            .args(["-v", "warning", "-count_frames", "-of", "default=nk=0:nw=1"])
            .args(["-show_entries", &entries.replace(' ', "")])
            .arg(&path)
            .output();
        let Ok(run) = run else {
            eprintln!("skipped clip::ffprobe_agrees: ffprobe is not installed");
            return;
        };
        let (out, warnings) =
            (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert_eq!(warnings, "");
        for line in [
            "profile=High",
            "has_b_frames=0",
            "color_space=bt709",
            "color_transfer=bt709",
            "color_primaries=bt709",
            "color_range=tv",
            &format!("r_frame_rate={rate}"),
            &format!("avg_frame_rate={rate}"),
            &format!("nb_read_frames={frames}"),
            &format!("duration={duration:.6}"),
        ] {
            assert!(out.lines().any(|out| out == line), "{line} is not in\n{out}");
        }
        assert_eq!(out.lines().filter(|line| line.starts_with("duration=")).count(), 2);
    }
}
