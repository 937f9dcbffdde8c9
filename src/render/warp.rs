//! The full-resolution warp: one bicubic sample of the photo for each pixel of a frame.

use multiversion::multiversion;
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
    /// Cubic weights of each pixel between two nodes.
    phases: Vec<[f32; 4]>,
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
            phases: Vec::new(),
            pixels: vec![[0.0; 4]; width],
        }
    }

    fn draw(&mut self, canvas: &Canvas, map: &WarpMap, y: usize) {
        self.follow_grid(&map.grid, y);
        self.shaded = false;
        for patch in &map.patches {
            self.follow_patch(patch);
        }
        sample_row(canvas, &self.x, &self.y, &mut self.pixels);
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
        if self.phases.len() != step {
            self.phases =
                (0..step).map(|phase| catmull_rom(phase as f32 / step as f32)).collect();
        }
        let (row, phase) = (y / step, y % step);
        let weights = self.phases[phase];
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
        spread(&self.nodes, &self.phases, [0.0, y as f32], &mut self.x, &mut self.y);
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

/// Where each pixel of a row samples: its own place plus the nodes' displacement, interpolated with
/// the weights of its phase.
#[multiversion(targets("x86_64+avx2+fma"))]
#[allow(unsafe_code, reason = "the dispatch on the processor's features, made by the macro")]
fn spread(
    nodes: &[[f32; 2]],
    phases: &[[f32; 4]],
    start: [f32; 2],
    xs: &mut [f32],
    ys: &mut [f32],
) {
    let step = phases.len();
    let last = nodes.len() - 1;
    for (i, (xs, ys)) in xs.chunks_mut(step).zip(ys.chunks_mut(step)).enumerate() {
        let around = [i.saturating_sub(1), i, (i + 1).min(last), (i + 2).min(last)];
        let [a, b, c, d] = around.map(|node| nodes[node.min(last)]);
        let left = start[0] + (i * step) as f32;
        for (phase, ((x, y), w)) in xs.iter_mut().zip(ys).zip(phases).enumerate() {
            *x = left + phase as f32 + (w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0]);
            *y = start[1] + (w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1]);
        }
    }
}

/// The canvas at each (x, y), clamped to it.
#[multiversion(targets("x86_64+avx2+fma"))]
#[allow(unsafe_code, reason = "the dispatch on the processor's features, made by the macro")]
fn sample_row(canvas: &Canvas, xs: &[f32], ys: &[f32], out: &mut [[f32; 4]]) {
    let (right, bottom) = ((canvas.width - 1) as f32, (canvas.height - 1) as f32);
    for ((out, x), y) in out.iter_mut().zip(xs).zip(ys) {
        *out = bicubic(canvas, x.clamp(0.0, right), y.clamp(0.0, bottom));
    }
}

/// Weights of the four neighbours at `t` ∈ [0, 1) past the second (Keys 1981, a = −½), by Horner's
/// rule on four lanes.
#[inline(always)]
fn catmull_rom(t: f32) -> [f32; 4] {
    const CUBE: [f32; 4] = [-0.5, 1.5, -1.5, 0.5];
    const SQUARE: [f32; 4] = [1.0, -2.5, 2.0, -0.5];
    const LINE: [f32; 4] = [-0.5, 0.0, 0.5, 0.0];
    const POINT: [f32; 4] = [0.0, 1.0, 0.0, 0.0];
    std::array::from_fn(|i| ((CUBE[i] * t + SQUARE[i]) * t + LINE[i]) * t + POINT[i])
}

/// The canvas at (x, y), which must lie on it.
#[inline(always)]
fn bicubic(canvas: &Canvas, x: f32, y: f32) -> [f32; 4] {
    let (width, height) = (canvas.width, canvas.height);
    // Signed: the conversion is one instruction, and neither is negative.
    let (i, j) = (x as i32 as usize, y as i32 as usize);
    let (wx, wy) = (catmull_rom(x - i as f32), catmull_rom(y - j as f32));
    if i >= 1 && j >= 1 && i + 2 < width && j + 2 < height {
        let start = (j - 1) * width + i - 1;
        let line = |row: usize| -> Option<&[f32; 16]> {
            let line: &[[f32; 4]; 4] =
                canvas.pixels.get(start + row * width..)?.first_chunk()?;
            Some(bytemuck::cast_ref(line))
        };
        if let (Some(a), Some(b), Some(c), Some(d)) = (line(0), line(1), line(2), line(3)) {
            return combine(a, b, c, d, wx, wy);
        }
    }
    let line = |row: usize| -> [f32; 16] {
        let start = (j + row).saturating_sub(1).min(height - 1) * width;
        let taps: [[f32; 4]; 4] = std::array::from_fn(|di| {
            canvas.pixels[start + (i + di).saturating_sub(1).min(width - 1)]
        });
        bytemuck::cast(taps)
    };
    combine(&line(0), &line(1), &line(2), &line(3), wx, wy)
}

/// Four rows of four pixels, first down the columns, then across.
#[inline(always)]
fn combine(
    a: &[f32; 16],
    b: &[f32; 16],
    c: &[f32; 16],
    d: &[f32; 16],
    wx: [f32; 4],
    wy: [f32; 4],
) -> [f32; 4] {
    let column: [f32; 16] =
        std::array::from_fn(|k| wy[0] * a[k] + wy[1] * b[k] + wy[2] * c[k] + wy[3] * d[k]);
    std::array::from_fn(|k| {
        wx[0] * column[k] + wx[1] * column[4 + k] + wx[2] * column[8 + k] + wx[3] * column[12 + k]
    })
}
