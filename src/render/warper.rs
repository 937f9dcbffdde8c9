//! The warp by itself, for hosts that bring their own displacements.

use super::canvas::{Canvas, ColourSpace};
use super::field::{Grid, WarpMap, Window};
use super::warp::warp_rgb;
use crate::error::{Detail, Error, Result};
use crate::photo::Photo;

/// Draws a photo through displacement fields, one bicubic sample (Catmull-Rom) per pixel.
///
/// This is the step that makes every frame of a clip. Rows are drawn in parallel on rayon's pool.
pub struct Warper {
    canvas: Canvas,
}

impl Warper {
    /// Prepares a photo at its own size.
    ///
    /// # Errors
    /// `internal.resize` never, as long as the photo keeps its size.
    pub fn new(photo: &Photo) -> Result<Self> {
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        Ok(Self { canvas: Canvas::new(photo, width, height, ColourSpace::Rgb)? })
    }

    /// Columns and rows of nodes that a field with this `step` needs: nodes stand `step` pixels
    /// apart, the first on the top-left pixel, the last on or beyond the far border.
    pub fn nodes(&self, step: usize) -> (usize, usize) {
        let grid = Grid::still(self.canvas.width, self.canvas.height, step.max(1));
        (grid.columns, grid.rows)
    }

    /// Draws RGB8, (H, W, 3): the pixel at p shows the photo at p + d(p).
    ///
    /// `displacements` is (rows, columns) of (dx, dy) in pixels, as [`Warper::nodes`] says; between
    /// nodes it is interpolated (cubic). Beyond the photo its border repeats.
    ///
    /// # Errors
    /// `request.warp_size` when the field or the picture has another size.
    pub fn draw(&self, step: usize, displacements: &[[f32; 2]], rgb: &mut [u8]) -> Result<()> {
        let mut grid = Grid::still(self.canvas.width, self.canvas.height, step.max(1));
        if grid.nodes.len() != displacements.len()
            || rgb.len() != 3 * self.canvas.width * self.canvas.height
        {
            let message = format!(
                "give {}×{} displacements and a picture of {}×{} RGB pixels",
                grid.columns, grid.rows, self.canvas.width, self.canvas.height
            );
            return Err(Error::Request(Detail::new("request.warp_size", message)));
        }
        grid.nodes.copy_from_slice(displacements);
        let window = Window::whole(self.canvas.width, self.canvas.height);
        warp_rgb(&self.canvas, &WarpMap { grid, patches: Vec::new(), window }, rgb);
        Ok(())
    }
}

impl std::fmt::Debug for Warper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Warper({}×{})", self.canvas.width, self.canvas.height)
    }
}
