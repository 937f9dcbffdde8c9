//! Displacement fields: where each pixel of a frame takes its colour from.
//!
//! All fields are *backward*: a frame's pixel at p shows the photo at p + field(p). Pixels, x to
//! the right, y down; pixel (0, 0) has its centre at (0, 0) here.

/// Displacements on a regular grid that covers the whole canvas, for motion that is smooth.
///
/// Node (i, j) stands at the canvas point (i · step, j · step); the last column and row stand on
/// or beyond the far border.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Distance of two nodes in pixels.
    pub(crate) step: usize,
    /// (rows, columns) of (dx, dy) in pixels.
    pub(crate) nodes: Vec<[f32; 2]>,
}

impl Grid {
    /// A field of no motion for a canvas of this size.
    pub(crate) fn still(width: usize, height: usize, step: usize) -> Self {
        let columns = (width - 1).div_ceil(step) + 1;
        let rows = (height - 1).div_ceil(step) + 1;
        Self { columns, rows, step, nodes: vec![[0.0; 2]; columns * rows] }
    }

    /// The canvas point of a node.
    pub(crate) fn point(&self, column: usize, row: usize) -> [f32; 2] {
        [(column * self.step) as f32, (row * self.step) as f32]
    }

    /// The field at any canvas point, bilinear, the border's value outside.
    pub(crate) fn at(&self, point: [f32; 2]) -> [f32; 2] {
        let scale = 1.0 / self.step as f32;
        bilinear(&self.nodes, self.columns, self.rows, point[0] * scale, point[1] * scale)
    }
}

/// A small field of its own resolution for a part of a face, in a frame of its own.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    /// Canvas point ► patch coordinates in cells: (a, b, c; d, e, f) as in u = a·x + b·y + c.
    pub(crate) to_cells: [f32; 6],
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// (rows, columns) of (dx, dy) in canvas pixels and shade: the share of light taken away.
    pub(crate) cells: Vec<[f32; 3]>,
    /// (rows, columns) of R, G, B in 0–255 times their cover, and the cover, 0–1: what is laid over
    /// the shaded sample. Empty where a patch only moves the photo.
    pub(crate) paint: Vec<[f32; 4]>,
    /// Canvas box outside of which the patch is zero: x0, y0, x1, y1.
    pub(crate) bounds: [f32; 4],
    /// Neighbouring cells that differ by more pixels than this belong to different surfaces, and
    /// nothing is interpolated between them: a lid's edge shows no eyeball.
    pub(crate) tear: f32,
}

impl Patch {
    /// The displacement and shade at a canvas point; none outside.
    #[cfg(test)]
    pub(crate) fn at(&self, point: [f32; 2]) -> Option<[f32; 3]> {
        self.cell_of(point).map(|at| self.moved(at))
    }

    /// Where a canvas point lies in the patch, in cells; none outside.
    pub(crate) fn cell_of(&self, [x, y]: [f32; 2]) -> Option<[f32; 2]> {
        let m = &self.to_cells;
        let u = m[0] * x + m[1] * y + m[2];
        let v = m[3] * x + m[4] * y + m[5];
        let inside =
            u >= 0.0 && v >= 0.0 && u <= (self.columns - 1) as f32 && v <= (self.rows - 1) as f32;
        inside.then_some([u, v])
    }

    /// The displacement and shade at a place in cells.
    pub(crate) fn moved(&self, [u, v]: [f32; 2]) -> [f32; 3] {
        if self.is_torn(u as usize, v as usize) {
            return self.cells[v.round() as usize * self.columns + u.round() as usize];
        }
        bilinear(&self.cells, self.columns, self.rows, u, v)
    }

    /// The paint at a place in cells; none where there is none.
    pub(crate) fn painted(&self, [u, v]: [f32; 2]) -> Option<[f32; 4]> {
        if self.paint.is_empty() {
            return None;
        }
        let paint = bilinear(&self.paint, self.columns, self.rows, u, v);
        (paint[3] > 0.0).then_some(paint)
    }

    /// Whether the cells around (i, j)–(i + 1, j + 1) lie on different surfaces.
    fn is_torn(&self, i: usize, j: usize) -> bool {
        let (i1, j1) = ((i + 1).min(self.columns - 1), (j + 1).min(self.rows - 1));
        let [x, y, _] = self.cells[j * self.columns + i];
        [j * self.columns + i1, j1 * self.columns + i, j1 * self.columns + i1].iter().any(|at| {
            let [a, b, _] = self.cells[*at];
            (a - x).abs() + (b - y).abs() > self.tear
        })
    }
}

/// Everything that one frame needs to be drawn: a smooth grid, then the patches in order.
#[derive(Debug, Clone)]
pub(crate) struct WarpMap {
    pub(crate) grid: Grid,
    pub(crate) patches: Vec<Patch>,
    /// The part that moves; around it the canvas stays, and nothing is taken from there but what
    /// the cubic kernel needs of the next line.
    pub(crate) window: Window,
}

/// A rectangle of whole pixels: columns `left..right`, rows `top..bottom`; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) right: usize,
    pub(crate) bottom: usize,
}

impl Window {
    /// A whole picture.
    pub(crate) fn whole(width: usize, height: usize) -> Self {
        Self { left: 0, top: 0, right: width, bottom: height }
    }

    /// The centres of the first and the last pixel, ([x, y], [x, y]).
    pub(crate) fn corners(&self) -> [[f32; 2]; 2] {
        [[self.left as f32, self.top as f32], [(self.right - 1) as f32, (self.bottom - 1) as f32]]
    }
}

/// Bilinear lookup in cell coordinates, clamped to the border.
pub(crate) fn bilinear<const N: usize>(
    values: &[[f32; N]],
    columns: usize,
    rows: usize,
    u: f32,
    v: f32,
) -> [f32; N] {
    let u = u.clamp(0.0, (columns - 1) as f32);
    let v = v.clamp(0.0, (rows - 1) as f32);
    let (i, j) = ((u as usize).min(columns.max(2) - 2), (v as usize).min(rows.max(2) - 2));
    let (fu, fv) = (u - i as f32, v - j as f32);
    let (i1, j1) = ((i + 1).min(columns - 1), (j + 1).min(rows - 1));
    let (a, b) = (&values[j * columns + i], &values[j * columns + i1]);
    let (c, d) = (&values[j1 * columns + i], &values[j1 * columns + i1]);
    std::array::from_fn(|k| {
        let top = a[k] + (b[k] - a[k]) * fu;
        let bottom = c[k] + (d[k] - c[k]) * fu;
        top + (bottom - top) * fv
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_reaches_the_far_border() {
        for (width, height, step) in [(1280, 720, 8), (17, 33, 8), (16, 16, 5)] {
            let grid = Grid::still(width, height, step);
            let [x, y] = grid.point(grid.columns - 1, grid.rows - 1);
            assert!(x >= (width - 1) as f32 && y >= (height - 1) as f32);
        }
    }

    #[test]
    fn bilinear_is_exact_on_a_plane() {
        let values: Vec<[f32; 1]> =
            (0..12).map(|i| [(i % 4) as f32 * 2.0 + (i / 4) as f32 * 3.0]).collect();
        let [value] = bilinear(&values, 4, 3, 1.25, 0.5);
        assert!((value - 4.0).abs() < 1e-6);
        let [corner] = bilinear(&values, 4, 3, 9.0, 9.0);
        assert!((corner - 12.0).abs() < 1e-6);
    }
}
