//! The full-resolution warp: one bicubic sample of the photo for each pixel of a frame.

use multiversion::multiversion;
use rayon::prelude::*;
use wide::f32x4;

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
            rgb_bytes(&row.pixels, out);
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
                luma_bytes(&row.pixels, &mut y[i * width..(i + 1) * width]);
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

/// The nearest byte; cubic overshoot is cut off.
///
/// Adding 2²³ leaves a float whose last bits are the rounded integer: no conversion, four at a time.
#[inline(always)]
fn quantise(value: f32) -> u8 {
    (value.clamp(0.0, 255.0) + 8_388_608.0).to_bits() as u8
}

#[multiversion(targets("x86_64+avx2+fma"))]
#[allow(unsafe_code, reason = "the dispatch on the processor's features, made by the macro")]
fn rgb_bytes(pixels: &[[f32; 4]], out: &mut [u8]) {
    for (pixel, out) in pixels.iter().zip(out.as_chunks_mut::<3>().0) {
        let mut bytes = [0; 4];
        for k in 0..4 {
            bytes[k] = quantise(pixel[k]);
        }
        *out = [bytes[0], bytes[1], bytes[2]];
    }
}

#[multiversion(targets("x86_64+avx2+fma"))]
#[allow(unsafe_code, reason = "the dispatch on the processor's features, made by the macro")]
fn luma_bytes(pixels: &[[f32; 4]], out: &mut [u8]) {
    for (pixel, out) in pixels.iter().zip(out) {
        *out = quantise(pixel[0].clamp(0.0, LUMA_RANGE) + LUMA_OFFSET);
    }
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
    /// Cubic weights of each pixel between two nodes, by neighbour.
    phases: [Vec<f32>; 4],
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
            phases: Default::default(),
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
        if self.phases[0].len() != step {
            let weights = |k: usize| (0..step).map(move |p| catmull_rom(p as f32 / step as f32)[k]);
            self.phases = std::array::from_fn(|k| weights(k).collect());
        }
        let (row, phase) = (y / step, y % step);
        let weights = [0, 1, 2, 3].map(|k| self.phases[k][phase]);
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
    phases: &[Vec<f32>; 4],
    start: [f32; 2],
    xs: &mut [f32],
    ys: &mut [f32],
) {
    let [first, second, third, fourth] = phases;
    let step = first.len();
    let last = nodes.len() - 1;
    for (i, (xs, ys)) in xs.chunks_mut(step).zip(ys.chunks_mut(step)).enumerate() {
        let (a, b) = (nodes[i.saturating_sub(1).min(last)], nodes[i.min(last)]);
        let (c, d) = (nodes[(i + 1).min(last)], nodes[(i + 2).min(last)]);
        let left = start[0] + (i * step) as f32;
        let (p, q) = (&first[..xs.len()], &second[..xs.len()]);
        let (r, t) = (&third[..xs.len()], &fourth[..xs.len()]);
        for k in 0..xs.len() {
            xs[k] = left + k as f32 + (p[k] * a[0] + q[k] * b[0] + r[k] * c[0] + t[k] * d[0]);
            ys[k] = start[1] + (p[k] * a[1] + q[k] * b[1] + r[k] * c[1] + t[k] * d[1]);
        }
    }
}

/// Pixels whose coordinates are taken apart together.
const BLOCK: usize = 64;

/// Takes coordinates apart, clamped to 0–`most`: the pixel before, and the way to the next, 0–1.
#[inline(always)]
fn split(values: &[f32], most: f32, whole: &mut [i32; BLOCK], rest: &mut [f32; BLOCK]) {
    for ((value, whole), rest) in values.iter().zip(whole).zip(rest) {
        let value = value.clamp(0.0, most);
        *whole = value as i32;
        *rest = value - *whole as f32;
    }
}

/// The canvas at each (x, y), clamped to it.
#[multiversion(targets("x86_64+avx2+fma"))]
#[allow(unsafe_code, reason = "the dispatch on the processor's features, made by the macro")]
fn sample_row(canvas: &Canvas, xs: &[f32], ys: &[f32], out: &mut [[f32; 4]]) {
    let (right, bottom) = ((canvas.width - 1) as f32, (canvas.height - 1) as f32);
    let (mut columns, mut rows) = ([0; BLOCK], [0; BLOCK]);
    let (mut across, mut down) = ([0.0; BLOCK], [0.0; BLOCK]);
    for ((out, xs), ys) in out.chunks_mut(BLOCK).zip(xs.chunks(BLOCK)).zip(ys.chunks(BLOCK)) {
        split(xs, right, &mut columns, &mut across);
        split(ys, bottom, &mut rows, &mut down);
        for (i, out) in out.iter_mut().enumerate() {
            let (column, row) = (columns[i] as usize, rows[i] as usize);
            *out = bicubic(canvas, column, row, across[i], down[i]);
        }
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
    let t = f32x4::splat(t);
    let weights = ((f32x4::new(CUBE) * t + f32x4::new(SQUARE)) * t + f32x4::new(LINE)) * t
        + f32x4::new(POINT);
    weights.to_array()
}

/// The canvas at (`i` + `x`, `j` + `y`), which must lie on it.
#[inline(always)]
fn bicubic(canvas: &Canvas, i: usize, j: usize, x: f32, y: f32) -> [f32; 4] {
    let (width, height) = (canvas.width, canvas.height);
    let (wx, wy) = (catmull_rom(x), catmull_rom(y));
    if i >= 1 && j >= 1 && i + 2 < width && j + 2 < height {
        let start = (j - 1) * width + i - 1;
        let a = &canvas.pixels[start..start + 4];
        let b = &canvas.pixels[start + width..start + width + 4];
        let c = &canvas.pixels[start + 2 * width..start + 2 * width + 4];
        let d = &canvas.pixels[start + 3 * width..start + 3 * width + 4];
        return combine(a, b, c, d, wx, wy);
    }
    border(canvas, i, j, wx, wy)
}

/// The same at the border, whose pixels repeat beyond it.
#[cold]
fn border(canvas: &Canvas, i: usize, j: usize, wx: [f32; 4], wy: [f32; 4]) -> [f32; 4] {
    let line = |row: usize| -> [[f32; 4]; 4] {
        let start = (j + row).saturating_sub(1).min(canvas.height - 1) * canvas.width;
        std::array::from_fn(|di| {
            canvas.pixels[start + (i + di).saturating_sub(1).min(canvas.width - 1)]
        })
    };
    combine(&line(0), &line(1), &line(2), &line(3), wx, wy)
}

/// Four rows of four pixels, first down the columns, then across.
#[inline(always)]
fn combine(
    a: &[[f32; 4]],
    b: &[[f32; 4]],
    c: &[[f32; 4]],
    d: &[[f32; 4]],
    wx: [f32; 4],
    wy: [f32; 4],
) -> [f32; 4] {
    // Plain code: closures would not be inlined into a function for other processors.
    let (a, b, c, d) = (lanes(a), lanes(b), lanes(c), lanes(d));
    let (w0, w1) = (f32x4::splat(wy[0]), f32x4::splat(wy[1]));
    let (w2, w3) = (f32x4::splat(wy[2]), f32x4::splat(wy[3]));
    let first = w0 * a[0] + w1 * b[0] + w2 * c[0] + w3 * d[0];
    let second = w0 * a[1] + w1 * b[1] + w2 * c[1] + w3 * d[1];
    let third = w0 * a[2] + w1 * b[2] + w2 * c[2] + w3 * d[2];
    let fourth = w0 * a[3] + w1 * b[3] + w2 * c[3] + w3 * d[3];
    let pixel = f32x4::splat(wx[0]) * first
        + f32x4::splat(wx[1]) * second
        + f32x4::splat(wx[2]) * third
        + f32x4::splat(wx[3]) * fourth;
    pixel.to_array()
}

/// Four pixels as registers.
#[inline(always)]
fn lanes(pixels: &[[f32; 4]]) -> [f32x4; 4] {
    let p = &pixels[..4];
    [f32x4::new(p[0]), f32x4::new(p[1]), f32x4::new(p[2]), f32x4::new(p[3])]
}
