//! I420 frames become H.264 access units, through OpenH264.

use openh264::OpenH264API;
use openh264::encoder::{
    Encoder as OpenH264, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, Profile,
    QpRange, RateControlMode, UsageType, VuiConfig,
};
use openh264::formats::YUVSource;

use crate::clip::{ClipSpec, I420, frame::even, too_large};
use crate::error::{Detail, Error, Result};

/// The quantiser of every frame (0 to 51): portraits come out above 41 dB, where a difference is
/// not seen.
const QP: u8 = 22;
/// Seconds between key frames: what a player decodes at most to seek.
const KEY_FRAME_SECONDS: f64 = 2.0;

/// OpenH264's own limits.
const LONG_SIDE: u32 = 3840;
const SHORT_SIDE: u32 = 2160;
const LEAST_SIDE: u32 = 16;

/// One clip's H.264 encoder: High profile, no B-frames, one slice a frame, on one thread, so that
/// the same frames always give the same bytes.
pub(crate) struct H264 {
    encoder: OpenH264,
    parameter_sets: ParameterSets,
}

/// The sequence and picture parameter sets, without start codes; empty before the first frame.
#[derive(Default)]
pub(crate) struct ParameterSets {
    pub(crate) sequence: Vec<u8>,
    pub(crate) picture: Vec<u8>,
}

/// `request.odd_size` or `output.size` when `spec` is not for this encoder.
pub(crate) fn check_size(spec: &ClipSpec) -> Result<()> {
    even(spec.width, spec.height)?;
    let (long, short) = (spec.width.max(spec.height), spec.width.min(spec.height));
    if long > LONG_SIDE || short > SHORT_SIDE || short < LEAST_SIDE {
        let limit = format!("between {LEAST_SIDE}×{LEAST_SIDE} and {LONG_SIDE}×{SHORT_SIDE}");
        return Err(too_large(spec, "an MP4 video", &limit));
    }
    Ok(())
}

impl H264 {
    pub(crate) fn open(spec: &ClipSpec) -> Result<Self> {
        let fps = spec.fps.as_f64();
        let qp: u8 = std::env::var("QP").map_or(QP, |q| q.parse().unwrap());
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .profile(Profile::High)
            .vui(VuiConfig::bt709())
            .max_frame_rate(FrameRate::from_hz(fps as f32))
            // This mode keeps to the one quantiser that it is given, and prints no warnings.
            .rate_control_mode(RateControlMode::Bufferbased)
            .qp(QpRange::new(qp, qp))
            .skip_frames(false)
            .scene_change_detect(false)
            // It would freeze what moves by less than a pixel: a slow zoom would stutter.
            .background_detection(false)
            .intra_frame_period(IntraFramePeriod::from_num_frames(
                (fps * KEY_FRAME_SECONDS).round().max(1.0) as u32,
            ))
            .num_threads(1);
        let encoder = OpenH264::with_api_config(OpenH264API::from_source(), config);
        Ok(Self { encoder: encoder.map_err(failed)?, parameter_sets: ParameterSets::default() })
    }

    /// Appends one frame to `sample` as MP4 wants it, each NAL unit behind its length in 4 bytes,
    /// without parameter sets. Says whether it is a key frame.
    pub(crate) fn encode(&mut self, frame: &I420, sample: &mut Vec<u8>) -> Result<bool> {
        let stream = self.encoder.encode(&Source(frame)).map_err(failed)?;
        for layer in (0..stream.num_layers()).filter_map(|i| stream.layer(i)) {
            for unit in (0..layer.nal_count()).filter_map(|i| layer.nal_unit(i)) {
                let unit = without_start_code(unit);
                // The types of ITU-T H.264, table 7-1.
                match unit.first().map(|header| header & 0x1f) {
                    Some(7) => unit.clone_into(&mut self.parameter_sets.sequence),
                    Some(8) => unit.clone_into(&mut self.parameter_sets.picture),
                    Some(_) => {
                        sample.extend((unit.len() as u32).to_be_bytes());
                        sample.extend_from_slice(unit);
                    }
                    None => {}
                }
            }
        }
        if sample.is_empty() {
            return Err(Error::Internal(Detail::new(
                "internal.h264_skipped",
                "the H.264 encoder left a frame out: please report it",
            )));
        }
        Ok(stream.frame_type() == FrameType::IDR)
    }

    /// The parameter sets, known after the first frame and the same for the whole clip.
    pub(crate) fn parameter_sets(&self) -> &ParameterSets {
        &self.parameter_sets
    }
}

struct Source<'a>(&'a I420);

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.width() as usize, self.0.height() as usize)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.0.y_stride(), self.0.uv_stride(), self.0.uv_stride())
    }

    fn y(&self) -> &[u8] {
        self.0.y()
    }

    fn u(&self) -> &[u8] {
        self.0.u()
    }

    fn v(&self) -> &[u8] {
        self.0.v()
    }
}

fn without_start_code(unit: &[u8]) -> &[u8] {
    let zeros = unit.iter().take_while(|&&byte| byte == 0).count();
    unit.get(zeros + 1..).unwrap_or_default()
}

fn failed(source: openh264::Error) -> Error {
    let message = "the H.264 encoder failed: try another size";
    Error::Output(Detail::new("output.h264", message).because(source))
}
