//! AVIF.

use crate::error::Result;

use super::raster::Raster;

pub(super) fn decode(_bytes: &[u8]) -> Result<Raster> {
    Err(super::format::unsupported("AVIF is not read"))
}
