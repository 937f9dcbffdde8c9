//! The full-resolution warp: one bicubic sample of the photo for each pixel of a frame.

use rayon::prelude::*;

use super::canvas::{Canvas, ColourSpace};
use super::colour::{CHROMA_OFFSET, CHROMA_RANGE, LUMA_OFFSET, LUMA_RANGE, Planes};
use super::field::{Grid, Patch, WarpMap};

/// Draws a frame as RGB8, tightly packed, (H, W, 3). The canvas must be in [`ColourSpace::Rgb`].
pub(crate) fn warp_rgb(canvas: &Canvas, map: &WarpMap, rgb: &mut [u8]) {
    debug_assert_eq!(canvas.space, ColourSpace::Rgb);
    rgb.par_chunks_mut(canvas.width * 3).enumerate().for_each_init(
        || Row::new(canvas.width),
        |row, (y, out)| {
            row.draw(canvas, map, y);
            for (pixel, out) in row.pixels.iter().zip(out.chunks_exact_mut(3)) {
                for (lane, out) in pixel.iter().zip(out) {
                    *out = quantise(*lane);
                }
            }
        },
    );
}

/// Draws a frame as limited-range BT.709 I420. The canvas must be in [`ColourSpace::Bt709`].
pub(crate) fn warp_i420(canvas: &Canvas, map: &WarpMap, planes: Planes<'_>) {
    debug_assert_eq!(canvas.space, ColourSpace::Bt709);
    let (width, half) = (canvas.width, canvas.width / 2);
    let luma = planes.y.par_chunks_mut(2 * width);
    let chroma = planes.u.par_chunks_mut(half).zip(planes.v.par_chunks_mut(half));
    luma.zip(chroma).enumerate().for_each_init(
        || [Row::new(width), Row::new(width)],
        |rows, (pair, (y, (u, v)))| {
            for (i, row) in rows.iter_mut().enumerate() {
                row.draw(canvas, map, 2 * pair + i);
                let out = &mut y[i * width..(i + 1) * width];
                for (pixel, out) in row.pixels.iter().zip(out) {
                    *out = quantise(pixel[0].clamp(0.0, LUMA_RANGE) + LUMA_OFFSET);
                }
            }
            let [upper, lower] = rows;
            let reach = CHROMA_RANGE / 2.0;
            for (i, (u, v)) in u.iter_mut().zip(v).enumerate() {
                // (1 2 1)/4 around the left column, where the chroma sample lies.
                let (left, middle, right) = ((2 * i).saturating_sub(1), 2 * i, 2 * i + 1);
                let mean = |lane: usize| {
                    let across = |row: &[[f32; 4]]| {
                        row[left][lane] + 2.0 * row[middle][lane] + row[right][lane]
                    };
                    let sum = across(&upper.pixels) + across(&lower.pixels);
                    quantise((sum * 0.125).clamp(-reach, reach) + CHROMA_OFFSET)
                };
                *u = mean(1);
                *v = mean(2);
            }
        },
    );
}

fn quantise(value: f32) -> u8 {
    // The cast saturates, so that cubic overshoot cannot wrap.
    (value + 0.5) as u8
}

/// Working memory of one row of a frame.
struct Row {
    /// Where each pixel samples the canvas.
    x: Vec<f32>,
    y: Vec<f32>,
    /// Share of light that the patches take away; only valid where `shaded`.
    shade: Vec<f32>,
    shaded: bool,
    nodes: Vec<[f32; 2]>,
    pixels: Vec<[f32; 4]>,
}

impl Row {
    fn new(width: usize) -> Self {
        Self {
            x: vec![0.0; width],
            y: vec![0.0; width],
            shade: vec![0.0; width],
            shaded: false,
            nodes: Vec::new(),
            pixels: vec![[0.0; 4]; width],
        }
    }

    fn draw(&mut self, canvas: &Canvas, map: &WarpMap, y: usize) {
        self.follow_grid(&map.grid, y);
        self.shaded = false;
        for patch in &map.patches {
            self.follow_patch(patch);
        }
        let (right, bottom) = ((canvas.width - 1) as f32, (canvas.height - 1) as f32);
        for ((pixel, x), y) in self.pixels.iter_mut().zip(&self.x).zip(&self.y) {
            *pixel = bicubic(canvas, x.clamp(0.0, right), y.clamp(0.0, bottom));
        }
        if self.shaded {
            for (pixel, shade) in self.pixels.iter_mut().zip(&self.shade) {
                if *shade > 0.0 {
                    pixel.iter_mut().for_each(|lane| *lane *= 1.0 - shade);
                }
            }
        }
    }

    /// Cubic (Catmull-Rom) interpolation of the grid, first down the columns, then along the row.
    fn follow_grid(&mut self, grid: &Grid, y: usize) {
        let (step, columns) = (grid.step, grid.columns);
        let (row, phase) = (y / step, y % step);
        let weights = catmull_rom(phase as f32 / step as f32);
        let line = |offset: isize| {
            let j = (row as isize + offset).clamp(0, grid.rows as isize - 1) as usize;
            &grid.nodes[j * columns..(j + 1) * columns]
        };
        let (a, b, c, d) = (line(-1), line(0), line(1), line(2));
        self.nodes.clear();
        self.nodes.extend((0..columns).map(|i| {
            std::array::from_fn(|k| {
                weights[0] * a[i][k]
                    + weights[1] * b[i][k]
                    + weights[2] * c[i][k]
                    + weights[3] * d[i][k]
            })
        }));
        let y = y as f32;
        let cells = self.x.chunks_mut(step).zip(self.y.chunks_mut(step)).enumerate();
        for (i, (xs, ys)) in cells {
            let node = |offset: isize| {
                self.nodes[(i as isize + offset).clamp(0, columns as isize - 1) as usize]
            };
            let (a, b, c, d) = (node(-1), node(0), node(1), node(2));
            for (phase, (x_out, y_out)) in xs.iter_mut().zip(ys).enumerate() {
                let w = catmull_rom(phase as f32 / step as f32);
                *x_out = (i * step + phase) as f32
                    + (w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0]);
                *y_out = y + (w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1]);
            }
        }
    }

    fn follow_patch(&mut self, patch: &Patch) {
        let [x0, y0, x1, y1] = patch.bounds;
        for i in 0..self.x.len() {
            let (x, y) = (self.x[i], self.y[i]);
            if x < x0 || x > x1 || y < y0 || y > y1 {
                continue;
            }
            let Some([dx, dy, shade]) = patch.at([x, y]) else { continue };
            self.x[i] = x + dx;
            self.y[i] = y + dy;
            if shade > 0.0 {
                if !self.shaded {
                    self.shade.fill(0.0);
                    self.shaded = true;
                }
                self.shade[i] = 1.0 - (1.0 - self.shade[i]) * (1.0 - shade);
            }
        }
    }
}

/// Weights of the four neighbours at `t` ∈ [0, 1) past the second (Keys 1981, a = −½).
#[inline(always)]
fn catmull_rom(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        0.5 * (-t3 + 2.0 * t2 - t),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (-3.0 * t3 + 4.0 * t2 + t),
        0.5 * (t3 - t2),
    ]
}

/// The canvas at (x, y), which must lie on it.
#[inline(always)]
fn bicubic(canvas: &Canvas, x: f32, y: f32) -> [f32; 4] {
    let (width, height) = (canvas.width, canvas.height);
    let (i, j) = (x as usize, y as usize);
    let (wx, wy) = (catmull_rom(x - i as f32), catmull_rom(y - j as f32));
    let inside = i >= 1 && j >= 1 && i + 2 < width && j + 2 < height;
    let mut sum = [0.0; 4];
    for (dj, wy) in wy.iter().enumerate() {
        let taps: [[f32; 4]; 4] = if inside {
            let start = (j + dj - 1) * width + i - 1;
            let line = &canvas.pixels[start..start + 4];
            [line[0], line[1], line[2], line[3]]
        } else {
            let row = (j + dj).saturating_sub(1).min(height - 1) * width;
            std::array::from_fn(|di| {
                canvas.pixels[row + (i + di).saturating_sub(1).min(width - 1)]
            })
        };
        for lane in 0..4 {
            let across = wx[0] * taps[0][lane]
                + wx[1] * taps[1][lane]
                + wx[2] * taps[2][lane]
                + wx[3] * taps[3][lane];
            sum[lane] += wy * across;
        }
    }
    sum
}
