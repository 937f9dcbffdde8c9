//! stub
use crate::{Photo, Result, runtime::{Runtime, Cancel}};
use crate::render::similarity::Similarity;
#[derive(Debug,Clone)] pub struct Face;
impl Face { pub fn bounds(&self)->[f32;4]{[0.0;4]} pub fn score(&self)->f32{0.0} pub fn landmarks(&self)->[[f32;2];5]{[[0.0;2];5]} }
pub const POINTS: usize = 93;
pub(crate) struct FacePoints; impl FacePoints { pub(crate) fn all(&self)->&[[f32;2];POINTS]{&[[0.0;2];POINTS]} }
pub(crate) struct PointsNetwork; impl PointsNetwork { pub(crate) fn open(_:&Runtime,_:&[u8])->Result<Self>{Ok(Self)} pub(crate) fn find(&self,_:&Photo,_:&Face,_:&Cancel)->Result<FacePoints>{Ok(FacePoints)} }
pub struct Detector; impl Detector { pub fn open(_:&Runtime,_:&[u8])->Result<Self>{Ok(Self)} pub fn open_file(_:&Runtime,_:&std::path::Path)->Result<Self>{Ok(Self)} pub fn detect(&self,_:&Photo,_:&Cancel)->Result<Vec<Face>>{Ok(vec![])} }
pub(crate) fn portrait_crop(_:&Face)->Similarity{Similarity::scale_and_shift(1.0,[0.0;2])}
