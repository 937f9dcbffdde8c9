//! PDQ: a perceptual hash that copies of a picture share, also after scaling and recompression.
//!
//! Written from the description of the algorithm (Meta, "The TMK+PDQF video-hashing algorithm and
//! the PDQ image-hashing algorithm", 2019) and checked against its reference implementation: the
//! pictures and hashes of the tests below are that program's. It is not turned or mirrored: a
//! rotated copy has another hash.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use zeroize::Zeroizing;

use super::picture::Picture;

/// Pictures of a shorter side have no hash; the reference tests nothing smaller.
const LEAST_SIDE: usize = 5;
/// The side that a picture is shrunk to.
const SIDE: usize = 64;
/// Frequencies of each direction, from the first above the constant.
const WAVES: usize = 16;
/// Box filters one after another: two of them make a tent.
const PASSES: usize = 2;
/// What the sum of gradients is divided by to be a quality; "a heuristic" in the reference.
const GRADIENTS_PER_QUALITY: u32 = 90;
/// Luma of R, G and B (BT.601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// 256 bits that look-alikes share.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PdqHash(
    /// The highest bits first, as in its text.
    [u64; 4],
);

impl PdqHash {
    /// The hash of a picture, and its quality, 0–100.
    ///
    /// A picture with a quality of 49 or less has too little in it to be told from others. A side
    /// under 5 pixels gives quality 0. The picture is not scaled down first, as some programs do
    /// for speed; they then differ by a few bits.
    #[must_use]
    pub fn of(picture: &Picture<'_>) -> (Self, u8) {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        if width < LEAST_SIDE || height < LEAST_SIDE {
            return (Self([0; 4]), 0);
        }
        let luma = picture.pixels().as_chunks::<3>().0.iter();
        let luma = luma.map(|rgb| {
            let [r, g, b] = rgb.map(f32::from);
            LUMA[0] * r + LUMA[1] * g + LUMA[2] * b
        });
        let small = shrink(luma.collect(), width, height);
        (Self::of_waves(&waves(&small)), quality(&small))
    }

    /// In how many bits two hashes differ, 0–256.
    #[must_use]
    pub fn distance(&self, other: &Self) -> u32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// A bit for each wave that is stronger than the median, the lower of the two in the middle.
    fn of_waves(waves: &[f32; WAVES * WAVES]) -> Self {
        let mut sorted = *waves;
        let (_, median, _) = sorted.select_nth_unstable_by(WAVES * WAVES / 2 - 1, f32::total_cmp);
        let median = *median;
        let mut words = [0_u64; 4];
        // The first wave is the last bit of the text.
        for (place, wave) in waves.iter().rev().enumerate() {
            words[place / 64] = words[place / 64] << 1 | u64::from(*wave > median);
        }
        Self(words)
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for PdqHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

impl fmt::Debug for PdqHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PdqHash({self})")
    }
}

/// Text that is no PDQ hash: it has to be 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PDQ hash is 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for PdqHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAHash);
        }
        let mut words = [0; 4];
        for (word, at) in words.iter_mut().zip([0, 16, 32, 48]) {
            let digits = text.get(at..at + 16).ok_or(NotAHash)?;
            *word = u64::from_str_radix(digits, 16).map_err(|_| NotAHash)?;
        }
        Ok(Self(words))
    }
}

/// Luma (H, W) ► (64, 64): smoothed so that nothing aliases, then the nearest pixels' centres.
fn shrink(luma: Vec<f32>, width: usize, height: usize) -> Zeroizing<Vec<f32>> {
    let mut luma = Zeroizing::new(luma);
    if (width, height) == (SIDE, SIDE) {
        return luma;
    }
    let window = |side: usize| side.div_ceil(2 * SIDE);
    let mut line = Zeroizing::new(vec![0.0; width]);
    for _ in 0..PASSES {
        for row in luma.chunks_exact_mut(width) {
            line.copy_from_slice(row);
            smooth(&line, window(width), row);
        }
        smooth_down(&mut luma, width, window(height));
    }
    let centre =
        |at: usize, side: usize| (((at as f64 + 0.5) * side as f64) / SIDE as f64) as usize;
    let rows = (0..SIDE).map(|row| centre(row, height));
    let small = rows.flat_map(|row| {
        let luma = &luma;
        (0..SIDE).map(move |column| luma[row * width + centre(column, width)])
    });
    Zeroizing::new(small.collect())
}

/// The mean around each place; a window that is even reaches one further to the right, and at the
/// ends it holds what there is.
fn smooth(line: &[f32], window: usize, out: &mut [f32]) {
    let (left, right) = (window - window / 2, window / 2);
    let mut sum: f32 = line.iter().take(right).sum();
    let mut count = right.min(line.len());
    for (at, out) in out.iter_mut().enumerate() {
        if let Some(new) = line.get(at + right) {
            sum += new;
            count += 1;
        }
        if let Some(old) = at.checked_sub(left).and_then(|old| line.get(old)) {
            sum -= old;
            count -= 1;
        }
        *out = sum / count as f32;
    }
}

/// [`smooth`] of all columns, a row at a time: walking down each of them would miss every cache.
fn smooth_down(luma: &mut [f32], width: usize, window: usize) {
    let (left, right) = (window - window / 2, window / 2);
    let height = luma.len() / width;
    let mut sums = vec![0.0_f32; width];
    let add = |sums: &mut [f32], row: &[f32]| sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
    for row in luma.chunks_exact(width).take(right) {
        add(&mut sums, row);
    }
    let mut count = right.min(height);
    // Rows as they were, for as long as a window reaches back to them.
    let mut before = vec![0.0_f32; left * width];
    for at in 0..height {
        if let Some(new) = luma.get((at + right) * width..(at + right + 1) * width) {
            add(&mut sums, new);
            count += 1;
        }
        let kept = &mut before[at % left * width..][..width];
        if at >= left {
            sums.iter_mut().zip(kept.iter()).for_each(|(sum, old)| *sum -= old);
            count -= 1;
        }
        let row = &mut luma[at * width..][..width];
        kept.copy_from_slice(row);
        row.iter_mut().zip(&sums).for_each(|(out, sum)| *out = sum / count as f32);
    }
}

/// Sum of the gradients in whole hundredths of the full range, so that small ones do not count.
fn quality(small: &[f32]) -> u8 {
    let step = |a: f32, b: f32| ((a - b) * 100.0 / 255.0).abs() as u32;
    let down = small.iter().zip(&small[SIDE..]).map(|(a, b)| step(*a, *b));
    let across = small.chunks_exact(SIDE).flat_map(|row| row.windows(2));
    let sum: u32 = down.chain(across.map(|pair| step(pair[0], pair[1]))).sum();
    (sum / GRADIENTS_PER_QUALITY).min(100) as u8
}

/// Cosines of the waves 1–16 over 64 places.
static COSINES: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let scale = f64::from((2.0 / SIDE as f64).sqrt() as f32);
    let turn = std::f64::consts::FRAC_PI_2 / SIDE as f64;
    let at = |wave: usize, place: usize| turn * (wave + 1) as f64 * (2 * place + 1) as f64;
    let all = (0..WAVES).flat_map(|wave| (0..SIDE).map(move |place| (wave, place)));
    all.map(|(wave, place)| (scale * libm::cos(at(wave, place))) as f32).collect()
});

/// The lowest waves of a two-dimensional discrete cosine transform, without the constant.
fn waves(small: &[f32]) -> [f32; WAVES * WAVES] {
    let mut half = [0.0_f32; WAVES * SIDE];
    for (wave, row) in half.chunks_exact_mut(SIDE).enumerate() {
        for (column, out) in row.iter_mut().enumerate() {
            let values = small.iter().skip(column).step_by(SIDE);
            *out = COSINES[wave * SIDE..].iter().zip(values).map(|(c, v)| c * v).sum();
        }
    }
    let mut out = [0.0; WAVES * WAVES];
    for (place, out) in out.iter_mut().enumerate() {
        let (row, wave) = (&half[place / WAVES * SIDE..][..SIDE], place % WAVES);
        *out = row.iter().zip(&COSINES[wave * SIDE..]).map(|(v, c)| v * c).sum();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::picture::Side;
    use super::*;

    /// Coloured blocks of `block` pixels from a sum of their place: the same in any language.
    pub(crate) fn blocks(width: u32, height: u32, block: u32, seed: u32) -> Vec<u8> {
        let colour = |x: u32, y: u32, channel: u32| {
            let mut v = (x / block).wrapping_mul(73_856_093)
                ^ (y / block).wrapping_mul(19_349_663)
                ^ channel.wrapping_mul(83_492_791)
                ^ seed.wrapping_mul(2_654_435_761);
            v ^= v >> 13;
            v = v.wrapping_mul(0x5bd1_e995);
            (v ^ v >> 15) as u8
        };
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        places.flat_map(|(x, y)| [0, 1, 2].map(|channel| colour(x, y, channel))).collect()
    }

    /// Width, height, block and seed of [`blocks`] ► hash and quality of the reference
    /// implementation in C++ (through its Python package, version 0.2.8).
    #[rustfmt::skip]
    const REFERENCE: &[(u32, u32, u32, u32, &str, u8)] = &[
        (64, 64, 7, 1, "60d32e1f5d9731c4aa9ddf088a5975a675a722775562aa39f160d1c897294733", 100),
        (100, 80, 9, 2, "49ae1ce0dc85a916396f5c8947b447b4b8cba376839056e9277aeb0fb6512b64", 100),
        (512, 512, 40, 3, "9c83f9696af5aeb3b54e968b737e0fec48440f65c824b6190fb0f222b502f0bc", 100),
        (640, 360, 61, 4, "1a75b3251a7043d1a3aa5c54a3af4cdb2cbac5cdc5c53a3a5a65b3255c7043db", 100),
        (333, 517, 48, 5, "3a746f81c7832a556781e7c3187c9356492d927ed52ae7c31cd8992e2ad46cd9", 100),
        (1280, 720, 100, 6, "6b85367bc995947a710de83836c59e2769d696293600e1fad19196d7c89a6b8d", 100),
        (97, 61, 5, 7, "f5fb59de0b30f9c1863e864ef7a50214c09fa526a945a7c17b2821989f93c739", 100),
        (128, 128, 1, 8, "eb91767874f2566dce809cbb51c3d4931bb2d2a34806b151690fcfd0dd14e5c9", 100),
    ];

    fn hash(width: u32, height: u32, pixels: &[u8]) -> (PdqHash, u8) {
        PdqHash::of(&Picture::new(width, height, pixels, Side::Input).unwrap())
    }

    #[test]
    fn the_hashes_are_those_of_the_reference_implementation() {
        for (width, height, block, seed, wanted, quality) in REFERENCE.iter().copied() {
            let got = hash(width, height, &blocks(width, height, block, seed));
            assert_eq!((got.0.to_string().as_str(), got.1), (wanted, quality), "{width}×{height}");
        }
    }

    #[test]
    fn a_flat_or_tiny_picture_has_no_quality() {
        assert_eq!(hash(200, 200, &[90; 200 * 200 * 3]).1, 0);
        assert_eq!(hash(200, 4, &blocks(200, 4, 2, 1)), (PdqHash([0; 4]), 0));
    }

    #[test]
    fn a_copy_is_near_and_another_picture_far() {
        let pixels = blocks(320, 240, 30, 11);
        let own = hash(320, 240, &pixels).0;
        let brighter: Vec<u8> = pixels.iter().map(|v| v / 2 + 70).collect();
        assert!(own.distance(&hash(320, 240, &brighter).0) <= 10);
        assert!(own.distance(&hash(320, 240, &blocks(320, 240, 30, 12)).0) > 80);
    }

    #[test]
    fn text_is_exact() {
        let text = REFERENCE[2].4;
        let hash: PdqHash = text.parse().unwrap();
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(hash));
        for wrong in ["", &text[1..], &format!("{text}0"), &text.replacen('9', "+", 1), "é"] {
            assert_eq!(wrong.parse::<PdqHash>(), Err(NotAHash), "{wrong}");
        }
    }
}
