//! What detector networks say, read as faces in pixels of their input.

use super::landmarks::{Face, Landmarks};
use crate::error::{Detail, Error, Result};
use crate::runtime::{Outputs, Session};

/// A detector's outputs, recognised by names and shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `cls_S`, `obj_S`, `bbox_S`, `kps_S` for the strides 8, 16 and 32: YuNet and the embedded
    /// detector. Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023).
    YuNet,
    /// `scores` N×2 and `boxes` N×4 in shares of the input, no points: UltraFace.
    UltraFace,
}

pub(super) const STRIDES: [usize; 3] = [8, 16, 32];

impl Family {
    pub(super) fn recognise(session: &Session) -> Result<Self> {
        let width_of = |name: &str| {
            let port = session.outputs().iter().find(|port| port.name == name)?;
            port.shape.last().copied().flatten()
        };
        let is_yunet = STRIDES.iter().all(|stride| {
            [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)]
                .iter()
                .all(|(kind, width)| width_of(&format!("{kind}_{stride}")) == Some(*width))
        });
        if is_yunet {
            Ok(Self::YuNet)
        } else if width_of("scores") == Some(2) && width_of("boxes") == Some(4) {
            Ok(Self::UltraFace)
        } else {
            Err(Error::Model(Detail::new(
                "model.not_a_detector",
                "this network is no face detector that Kinora can read; its outputs have to be \
                 those of YuNet (cls, obj, bbox, kps at strides 8, 16, 32) or of UltraFace \
                 (scores, boxes)",
            )))
        }
    }

    /// The score under which the family's own tools drop a face.
    pub(super) fn usual_score(self) -> f32 {
        match self {
            Self::YuNet => 0.6,
            Self::UltraFace => 0.7,
        }
    }

    /// Faces with at least `score`, in pixels of a `width`×`height` input, in no order.
    pub(super) fn decode(
        self,
        outputs: &Outputs,
        width: usize,
        height: usize,
        score: f32,
    ) -> Result<Vec<Face>> {
        let mut faces = Vec::new();
        match self {
            Self::YuNet => {
                for stride in STRIDES {
                    let view = |kind: &str| outputs.view(&format!("{kind}_{stride}"));
                    let (cls, obj, bbox, kps) =
                        (view("cls")?, view("obj")?, view("bbox")?, view("kps")?);
                    let maps = YuNetMaps {
                        cls: slice(&cls)?,
                        obj: slice(&obj)?,
                        bbox: slice(&bbox)?,
                        kps: slice(&kps)?,
                    };
                    maps.decode(stride, width / stride, height / stride, score, &mut faces)?;
                }
            }
            Self::UltraFace => {
                let (scores, boxes) = (outputs.view("scores")?, outputs.view("boxes")?);
                ultraface(slice(&scores)?, slice(&boxes)?, [width, height], score, &mut faces);
            }
        }
        Ok(faces)
    }
}

fn slice<'v>(view: &'v ndarray::ArrayViewD<'_, f32>) -> Result<&'v [f32]> {
    view.as_slice().ok_or_else(|| {
        Error::Internal(Detail::new("internal.layout", "a network's output lies in no order"))
    })
}

/// The four maps of one stride, one row for each cell, cells in reading order.
pub(super) struct YuNetMaps<'o> {
    pub(super) cls: &'o [f32],
    pub(super) obj: &'o [f32],
    pub(super) bbox: &'o [f32],
    pub(super) kps: &'o [f32],
}

impl YuNetMaps<'_> {
    /// score = √(cls·obj); centre = (cell + bbox₀₁)·stride; size = exp(bbox₂₃)·stride;
    /// points = (cell + kps)·stride.
    pub(super) fn decode(
        &self,
        stride: usize,
        columns: usize,
        rows: usize,
        least: f32,
        faces: &mut Vec<Face>,
    ) -> Result<()> {
        let cells = columns * rows;
        let (boxes, points) = (self.bbox.as_chunks::<4>().0, self.kps.as_chunks::<10>().0);
        if [self.cls.len(), self.obj.len(), boxes.len(), points.len()] != [cells; 4] {
            return Err(Error::Model(Detail::new(
                "model.output",
                format!(
                    "the detector gives another number of cells than {cells} at stride {stride}"
                ),
            )));
        }
        let size = stride as f32;
        for cell in 0..cells {
            let score = (self.cls[cell].clamp(0.0, 1.0) * self.obj[cell].clamp(0.0, 1.0)).sqrt();
            // Also drops a score that is no number.
            if score.is_nan() || score < least {
                continue;
            }
            let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
            let [dx, dy, width, height] = boxes[cell];
            let (width, height) = (width.exp() * size, height.exp() * size);
            let x = (column + dx) * size - width / 2.0;
            let y = (row + dy) * size - height / 2.0;
            let kps = &points[cell];
            let landmarks = std::array::from_fn(|i| {
                [(column + kps[2 * i]) * size, (row + kps[2 * i + 1]) * size]
            });
            let all = [x, y, width, height];
            if all.iter().chain(landmarks.as_flattened()).all(|number: &f32| number.is_finite()) {
                faces.push(Face::new(all, score, Landmarks::new(landmarks)));
            }
        }
        Ok(())
    }
}

pub(super) fn ultraface(
    scores: &[f32],
    boxes: &[f32],
    [width, height]: [usize; 2],
    least: f32,
    faces: &mut Vec<Face>,
) {
    let (width, height) = (width as f32, height as f32);
    // The second score is that of a face, the first that of background.
    for ([_, score], [left, top, right, bottom]) in
        scores.as_chunks::<2>().0.iter().zip(boxes.as_chunks::<4>().0)
    {
        let bounds = [left * width, top * height, (right - left) * width, (bottom - top) * height];
        if *score >= least && bounds.iter().all(|number| number.is_finite()) {
            faces.push(Face::new(bounds, score.min(1.0), Landmarks::estimate(bounds)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yunet_cell_is_read() {
        // Two columns, one row; only the second cell is sure enough.
        let mut kps = [0.0; 20];
        kps[10..14].copy_from_slice(&[-0.5, 0.25, 0.5, 0.25]);
        let maps = YuNetMaps {
            cls: &[1.0, 1.2],
            obj: &[0.1, 0.81],
            bbox: &[0., 0., 0., 0., 0.5, 0.25, 0.0, std::f32::consts::LN_2],
            kps: &kps,
        };
        let mut faces = Vec::new();
        maps.decode(16, 2, 1, 0.6, &mut faces).unwrap();
        assert_eq!(faces.len(), 1);
        assert!((faces[0].score() - 0.9).abs() < 1e-6);
        let wanted = [24.0 - 8.0, 4.0 - 16.0, 16.0, 32.0];
        assert!(faces[0].bounds().iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-4));
        assert_eq!(faces[0].landmarks().points()[0], [8.0, 4.0]);
        assert!(!faces[0].landmarks().are_estimated());
    }

    #[test]
    fn numbers_that_are_none_and_wrong_sizes_are_refused() {
        let kps = [0.0; 10];
        let maps = YuNetMaps { cls: &[f32::NAN], obj: &[1.0], bbox: &[0.0; 4], kps: &kps };
        let mut faces = Vec::new();
        maps.decode(8, 1, 1, 0.0, &mut faces).unwrap();
        let endless = YuNetMaps { cls: &[1.0], obj: &[1.0], bbox: &[0., 0., 500., 0.], kps: &kps };
        endless.decode(8, 1, 1, 0.0, &mut faces).unwrap();
        assert!(faces.is_empty());
        assert_eq!(maps.decode(8, 2, 1, 0.0, &mut faces).unwrap_err().code(), "model.output");
    }

    #[test]
    fn an_ultraface_box_is_read_and_its_points_are_estimated() {
        let mut faces = Vec::new();
        let boxes = [0.0, 0.0, 0.1, 0.1, 0.25, 0.5, 0.75, 1.0];
        ultraface(&[0.9, 0.1, 0.2, 0.8], &boxes, [320, 240], 0.7, &mut faces);
        assert_eq!(faces.len(), 1);
        assert_eq!(faces[0].bounds(), &[80.0, 120.0, 160.0, 120.0]);
        assert!(faces[0].landmarks().are_estimated());
    }
}
