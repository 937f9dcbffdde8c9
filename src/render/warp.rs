//! The full-resolution warp: one bicubic sample of the photo for each pixel of a frame.

use multiversion::multiversion;
use rayon::prelude::*;
use wide::f32x4;

use super::canvas::{Canvas, ColourSpace};
use super::colour::{CHROMA_OFFSET, CHROMA_RANGE, LUMA_OFFSET, LUMA_RANGE, Planes, ycbcr_from_rgb};
use super::field::{Grid, Patch, WarpMap, Window};

/// Rows that a thread takes at least, so that its working memory serves more than one.
const ROWS_AT_ONCE: usize = 16;

/// Draws a frame as RGB8, tightly packed, (H, W, 3). The canvas must be in [`ColourSpace::Rgb`].
pub(crate) fn warp_rgb(canvas: &Canvas, map: &WarpMap, rgb: &mut [u8]) {
    debug_assert_eq!(canvas.space, ColourSpace::Rgb);
    rgb.par_chunks_mut(canvas.width * 3).enumerate().with_min_len(ROWS_AT_ONCE).for_each_init(
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
    luma.zip(chroma).enumerate().with_min_len(ROWS_AT_ONCE / 2).for_each_init(
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
    /// What is laid over each pixel: R, G, B times cover, and cover; only valid where `painted`.
    paint: Vec<[f32; 4]>,
    painted: bool,
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
            paint: vec![[0.0; 4]; width],
            painted: false,
            nodes: Vec::new(),
            phases: Default::default(),
            pixels: vec![[0.0; 4]; width],
        }
    }

    fn draw(&mut self, canvas: &Canvas, map: &WarpMap, y: usize) {
        let window = map.window;
        let photo = &canvas.pixels[y * canvas.width..(y + 1) * canvas.width];
        if !(window.top..window.bottom).contains(&y) {
            self.pixels.copy_from_slice(photo);
            return;
        }
        self.draw_all(canvas, map, y);
        let (left, right) = (window.left, window.right);
        self.pixels[..left].copy_from_slice(&photo[..left]);
        self.pixels[right..].copy_from_slice(&photo[right..]);
    }

    fn draw_all(&mut self, canvas: &Canvas, map: &WarpMap, y: usize) {
        self.follow_grid(&map.grid, y);
        (self.shaded, self.painted) = (false, false);
        for patch in &map.patches {
            self.follow_patch(patch);
        }
        if map.window != Window::whole(canvas.width, canvas.height) {
            let [low, high] = map.window.corners();
            self.x.iter_mut().for_each(|x| *x = x.clamp(low[0], high[0]));
            self.y.iter_mut().for_each(|y| *y = y.clamp(low[1], high[1]));
        }
        sample_row(canvas, &self.x, &self.y, &mut self.pixels);
        if self.shaded {
            for (pixel, shade) in self.pixels.iter_mut().zip(&self.shade) {
                if *shade > 0.0 {
                    pixel.iter_mut().for_each(|lane| *lane *= 1.0 - shade);
                }
            }
        }
        if self.painted {
            for (pixel, paint) in self.pixels.iter_mut().zip(&self.paint) {
                if paint[3] > 0.0 {
                    lay_over(pixel, *paint, canvas.space);
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
            let Some(cell) = patch.cell_of([x, y]) else { continue };
            let [dx, dy, shade] = patch.moved(cell);
            self.x[i] = x + dx;
            self.y[i] = y + dy;
            if shade > 0.0 {
                if !self.shaded {
                    self.shade.fill(0.0);
                    self.shaded = true;
                }
                self.shade[i] = 1.0 - (1.0 - self.shade[i]) * (1.0 - shade);
            }
            if let Some(paint) = patch.painted(cell) {
                if !self.painted {
                    self.paint.fill([0.0; 4]);
                    self.painted = true;
                }
                let below = self.paint[i];
                self.paint[i] = std::array::from_fn(|k| paint[k] + below[k] * (1.0 - paint[3]));
            }
        }
    }
}

/// Lays paint (R, G, B times cover, and cover) over a pixel of the canvas's colour space.
fn lay_over(pixel: &mut [f32; 4], [r, g, b, cover]: [f32; 4], space: ColourSpace) {
    // Black is zero in either space, so that the conversion is linear and takes covered colour.
    let colour = match space {
        ColourSpace::Rgb => [r, g, b],
        ColourSpace::Bt709 => {
            let [y, cb, cr] = ycbcr_from_rgb([r, g, b]);
            [y - LUMA_OFFSET, cb - CHROMA_OFFSET, cr - CHROMA_OFFSET]
        }
    };
    for (lane, colour) in pixel.iter_mut().zip(colour) {
        *lane = *lane * (1.0 - cover) + colour;
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
            xs[k] =
                left + k as i32 as f32 + (p[k] * a[0] + q[k] * b[0] + r[k] * c[0] + t[k] * d[0]);
            ys[k] = start[1] + (p[k] * a[1] + q[k] * b[1] + r[k] * c[1] + t[k] * d[1]);
        }
    }
}

/// Pixels that are sampled together, so that each step runs over a register's worth of them.
const BLOCK: usize = 64;

/// 1.5 · 2²³: floats around it are whole numbers, one apart.
const NO_FRACTION: f32 = 12_582_912.0;

/// Coordinates of a block along one axis, taken apart.
struct Axis {
    /// The pixel before.
    whole: [i32; BLOCK],
    /// Cubic weights of the four pixels around, by pixel.
    weights: [[f32; BLOCK]; 4],
}

impl Axis {
    const EMPTY: Self = Self { whole: [0; BLOCK], weights: [[0.0; BLOCK]; 4] };

    /// Takes coordinates apart, clamped to 0–`most`.
    #[inline(always)]
    fn split(&mut self, values: &[f32], most: f32) {
        let [first, second, third, fourth] = &mut self.weights;
        let whole = &mut self.whole;
        for (i, value) in values.iter().enumerate().take(BLOCK) {
            let value = value.max(0.0).min(most);
            // Rounded down by adding what leaves no bits for a fraction, which unlike a cast runs
            // on whole registers. Whole numbers may come out as the one before and a rest of 1:
            // the weights are the same.
            let shifted = (value - 0.5) + NO_FRACTION;
            whole[i] = shifted.to_bits() as i32 - NO_FRACTION.to_bits() as i32;
            let w = catmull_rom(value - (shifted - NO_FRACTION));
            first[i] = w[0];
            second[i] = w[1];
            third[i] = w[2];
            fourth[i] = w[3];
        }
    }
}

/// The canvas at each (x, y), clamped to it.
///
/// Plain loops over arrays: closures would not be inlined into a function for other processors.
#[multiversion(targets("x86_64+avx2+fma"))]
#[allow(unsafe_code, reason = "the dispatch on the processor's features, made by the macro")]
fn sample_row(canvas: &Canvas, xs: &[f32], ys: &[f32], out: &mut [[f32; 4]]) {
    let (width, height) = (canvas.width, canvas.height);
    let (right, bottom) = ((width - 1) as f32, (height - 1) as f32);
    let (mut across, mut down) = (Axis::EMPTY, Axis::EMPTY);
    for ((out, xs), ys) in out.chunks_mut(BLOCK).zip(xs.chunks(BLOCK)).zip(ys.chunks(BLOCK)) {
        across.split(xs, right);
        down.split(ys, bottom);
        let (u, v) = (&across.weights, &down.weights);
        for (k, out) in out.iter_mut().enumerate() {
            let (i, j) = (across.whole[k] as usize, down.whole[k] as usize);
            let wx = [u[0][k], u[1][k], u[2][k], u[3][k]];
            let wy = [v[0][k], v[1][k], v[2][k], v[3][k]];
            if i == 0 || j == 0 || i + 2 >= width || j + 2 >= height {
                *out = border(canvas, i, j, wx, wy);
                continue;
            }
            let start = (j - 1) * width + i - 1;
            let a = &canvas.pixels[start..start + 4];
            let b = &canvas.pixels[start + width..start + width + 4];
            let c = &canvas.pixels[start + 2 * width..start + 2 * width + 4];
            let d = &canvas.pixels[start + 3 * width..start + 3 * width + 4];
            *out = combine(a, b, c, d, wx, wy);
        }
    }
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

/// Weights of the four neighbours at `t` ∈ [0, 1) past the second (Keys 1981, a = −½), by Horner's
/// rule.
#[inline(always)]
fn catmull_rom(t: f32) -> [f32; 4] {
    [
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    ]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::{Orientation, Photo};

    fn canvas(width: usize, height: usize, space: ColourSpace) -> (Canvas, Vec<u8>) {
        let rgba: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                let (x, y) = (i % width, i / width);
                [(x * 5 % 256) as u8, (y * 7 % 256) as u8, ((x + y) * 3 % 256) as u8, 255]
            })
            .collect();
        let photo = Photo::from_pixels(
            &rgba,
            width as u32,
            height as u32,
            4 * width,
            Orientation::default(),
        )
        .unwrap();
        (Canvas::new(&photo, width, height, space).unwrap(), photo.pixels().to_vec())
    }

    fn moved(canvas: &Canvas, by: [f32; 2]) -> Vec<u8> {
        let mut grid = Grid::still(canvas.width, canvas.height, 8);
        grid.nodes.fill(by);
        let mut rgb = vec![0; 3 * canvas.width * canvas.height];
        let window = Window::whole(canvas.width, canvas.height);
        warp_rgb(canvas, &WarpMap { grid, patches: Vec::new(), window }, &mut rgb);
        rgb
    }

    #[test]
    fn no_motion_is_the_photo_to_the_bit() {
        let (canvas, pixels) = canvas(131, 77, ColourSpace::Rgb);
        assert_eq!(moved(&canvas, [0.0, 0.0]), pixels);
    }

    #[test]
    fn whole_pixels_shift_exactly_and_the_border_repeats() {
        let (canvas, pixels) = canvas(100, 60, ColourSpace::Rgb);
        let out = moved(&canvas, [3.0, -2.0]);
        for (y, x) in [(0usize, 0usize), (1, 99), (30, 50), (59, 97), (59, 99)] {
            let (sx, sy) = ((x + 3).min(99), y.saturating_sub(2));
            let at = |x: usize, y: usize| 3 * (y * 100 + x);
            assert_eq!(out[at(x, y)..][..3], pixels[at(sx, sy)..][..3], "({x}, {y})");
        }
    }

    #[test]
    fn half_a_pixel_on_a_ramp_is_the_mean() {
        let (canvas, _) = canvas(40, 40, ColourSpace::Rgb);
        let out = moved(&canvas, [0.5, 0.0]);
        // Red rises by 5 a pixel: 50 at x = 10, so 52.5 between it and the next.
        assert!((52..=53).contains(&out[3 * (20 * 40 + 10)]));
    }

    #[test]
    fn around_the_window_the_canvas_stays_and_nothing_comes_from_there() {
        let (width, height) = (96, 64);
        let window = Window { left: 0, top: 10, right: width, bottom: 50 };
        let (mut canvas, _) = canvas(width, height, ColourSpace::Rgb);
        for (i, pixel) in canvas.pixels.iter_mut().enumerate() {
            // The kernel reaches one line over the window, as its doc says.
            let value = if (9..51).contains(&(i / width)) { 200.0 } else { 0.0 };
            *pixel = [value, value, value, 0.0];
        }
        let mut grid = Grid::still(width, height, 8);
        grid.nodes.fill([3.3, -17.7]);
        let mut rgb = vec![0; 3 * width * height];
        warp_rgb(&canvas, &WarpMap { grid, patches: Vec::new(), window }, &mut rgb);
        for (i, pixel) in rgb.chunks_exact(3).enumerate() {
            let inside = (9..51).contains(&(i / width));
            assert_eq!(pixel, if inside { [200; 3] } else { [0; 3] }, "row {}", i / width);
        }
    }

    #[test]
    fn planes_agree_with_the_conversion_of_the_drawn_frame() {
        let (width, height) = (64, 48);
        let (rgb_canvas, _) = canvas(width, height, ColourSpace::Rgb);
        let (canvas, _) = canvas(width, height, ColourSpace::Bt709);
        let mut grid = Grid::still(width, height, 8);
        for (i, node) in grid.nodes.iter_mut().enumerate() {
            *node = [(i % 5) as f32 * 0.3, (i % 7) as f32 * -0.2];
        }
        let map = WarpMap { grid, patches: Vec::new(), window: Window::whole(width, height) };
        let mut rgb = vec![0; 3 * width * height];
        warp_rgb(&rgb_canvas, &map, &mut rgb);
        let planes = |draw: &dyn Fn(Planes<'_>)| {
            let mut all = vec![0; width * height * 3 / 2];
            let (y, chroma) = all.split_at_mut(width * height);
            let (u, v) = chroma.split_at_mut(width * height / 4);
            draw(Planes { y, u, v });
            all
        };
        let ours = planes(&|planes| warp_i420(&canvas, &map, planes));
        let converted =
            planes(&|planes| crate::render::colour::i420_from_rgb8(&rgb, width, planes));
        // The way through RGB cuts off what bicubic sampling overshoots; ours does so later.
        let off: usize = ours.iter().zip(&converted).filter(|(a, b)| a.abs_diff(**b) > 3).count();
        assert!(off * 20 < ours.len(), "{off} of {} samples differ", ours.len());
    }
}
