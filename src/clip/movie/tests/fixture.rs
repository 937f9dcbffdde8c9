//! A small MP4 file made byte by byte, with every kind of thing that must not be passed on.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) const SECRET: &[u8] = b"SECRET+48.1-011.5";

/// What a file is made of; the default hides something in every place it can.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) codec: [u8; 4],
    /// NAL units of each sample.
    pub(crate) samples: Vec<Vec<Vec<u8>>>,
    /// `(count, offset)` rows of `ctts`.
    pub(crate) offsets: Vec<[u32; 2]>,
    /// `(duration in 1/600 s, media time in 1/30000 s, speed)` rows of `elst`.
    pub(crate) edits: Vec<(u32, i32, u32)>,
    pub(crate) matrix: [i32; 9],
    pub(crate) more_in_file: Vec<u8>,
    pub(crate) more_in_movie: Vec<u8>,
    pub(crate) reference_flags: u8,
}

pub(crate) const UPRIGHT: [i32; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];
pub(crate) const QUARTER: [i32; 9] = [0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30];
pub(crate) const FRAME: u32 = 1001;

pub(crate) fn unit(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[0x60 | kind], payload].concat()
}

/// A picture with messages around it.
pub(crate) fn picture(number: u8) -> Vec<Vec<u8>> {
    let kind = if number.is_multiple_of(4) { 5 } else { 1 };
    vec![
        unit(9, SECRET),
        unit(6, SECRET),
        unit(kind, &[number, b'P', number]),
        unit(12, SECRET),
        unit(24, SECRET),
    ]
}

impl Default for Fixture {
    fn default() -> Self {
        Self {
            codec: *b"avc1",
            samples: (0..8).map(picture).collect(),
            offsets: vec![[1, FRAME], [3, 2 * FRAME], [4, FRAME]],
            edits: vec![(160, FRAME as i32, 1 << 16)],
            matrix: QUARTER,
            more_in_file: [boxed(b"uuid", &[SECRET]), boxed(b"free", &[SECRET])].concat(),
            more_in_movie: [
                boxed(b"udta", &[&boxed(b"\xa9xyz", &[SECRET])]),
                boxed(b"meta", &[&[0; 4], SECRET]),
                data_track(b"soun"),
                data_track(b"meta"),
            ]
            .concat(),
            reference_flags: 1,
        }
    }
}

impl Fixture {
    /// `ftyp`, `moov`, `mdat` and the rest, or `mdat` before `moov`.
    pub(crate) fn build(&self, media_first: bool) -> Vec<u8> {
        let head = boxed(b"ftyp", &[b"qt  \0\0\0\0", b"qt  "]);
        // Each chunk holds two samples and is led by bytes that belong to none.
        let (mut media, mut chunks, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        for pair in self.samples.chunks(2) {
            media.extend_from_slice(SECRET);
            chunks.push(media.len() as u32);
            for sample in pair {
                let before = media.len();
                for unit in sample {
                    media.extend((unit.len() as u32).to_be_bytes());
                    media.extend(unit);
                }
                sizes.push((media.len() - before) as u32);
            }
        }
        let movie_size = self.movie(&sizes, &chunks, 0).len();
        let before = head.len() + 8 + if media_first { 0 } else { movie_size };
        let movie = self.movie(&sizes, &chunks, before as u32);
        let media = boxed(b"mdat", &[&media]);
        let parts = if media_first { [&media, &movie] } else { [&movie, &media] };
        [&head[..], parts[0], parts[1], &self.more_in_file].concat()
    }

    fn movie(&self, sizes: &[u32], chunks: &[u32], first: u32) -> Vec<u8> {
        let mvhd = full(
            b"mvhd",
            0,
            &[&be(&[7, 7, 600, 160, 1 << 16]), &[0; 12], &matrix(&UPRIGHT), &[0; 24], &be(&[2])],
        );
        boxed(b"moov", &[&mvhd, &self.track(sizes, chunks, first), &self.more_in_movie])
    }

    fn track(&self, sizes: &[u32], chunks: &[u32], first: u32) -> Vec<u8> {
        let tkhd = full(
            b"tkhd",
            0,
            &[&be(&[7, 7, 1, 0, 160]), &[0; 16], &matrix(&self.matrix), &be(&[64 << 16, 48 << 16])],
        );
        let rows: Vec<u8> = self
            .edits
            .iter()
            .flat_map(|(lasts, start, speed)| be(&[*lasts, *start as u32, *speed]))
            .collect();
        let elst = full(b"elst", 0, &[&be(&[self.edits.len() as u32]), &rows]);
        let count = sizes.len() as u32;
        let chunks: Vec<u32> = chunks.iter().map(|chunk| chunk + first).collect();
        let keys: Vec<u32> = (1..=count).step_by(4).collect();
        let offsets = be(self.offsets.as_flattened());
        let runs = if count == 0 {
            be(&[0])
        } else if count.is_multiple_of(2) {
            be(&[1, 1, 2, 1])
        } else {
            be(&[2, 1, 2, 1, chunks.len() as u32, 1, 1])
        };
        let tables = [
            full(b"stsd", 0, &[&be(&[1]), &self.entry()]),
            full(b"stts", 0, &[&be(&[1, count, FRAME])]),
            full(b"ctts", 0, &[&be(&[self.offsets.len() as u32]), &offsets]),
            full(b"stss", 0, &[&be(&[keys.len() as u32]), &be(&keys)]),
            full(b"stsc", 0, &[&runs]),
            full(b"stsz", 0, &[&be(&[0, count]), &be(sizes)]),
            full(b"stco", 0, &[&be(&[chunks.len() as u32]), &be(&chunks)]),
            full(b"sgpd", 0, &[SECRET]),
        ];
        let url = boxed(b"url ", &[&[0, 0, 0, self.reference_flags], SECRET]);
        let dinf = boxed(b"dinf", &[&full(b"dref", 0, &[&be(&[1]), &url])]);
        let minf = boxed(
            b"minf",
            &[&full(b"vmhd", 1, &[&[0; 8]]), &dinf, &boxed(b"stbl", &[&tables.concat()])],
        );
        let mdhd = full(b"mdhd", 0, &[&be(&[7, 7, 30_000, 8 * FRAME]), &[0; 4]]);
        let mdia = boxed(b"mdia", &[&mdhd, &handler(b"vide"), &minf]);
        boxed(
            b"trak",
            &[&tkhd, &boxed(b"edts", &[&elst]), &mdia, &boxed(b"udta", &[SECRET]), &tapt()],
        )
    }

    fn entry(&self) -> Vec<u8> {
        let name = [&[SECRET.len() as u8], SECRET, &[0; 32][SECRET.len() + 1..]].concat();
        let config = b"\x01\x42\x00\x1f\xff\xe1\x00\x04\x67\x42\x00\x1f\x01\x00\x02\x68\x02";
        boxed(
            &self.codec,
            &[
                &[0, 0, 0, 0, 0, 0, 0, 1],
                &[0; 16],
                &[0, 64, 0, 48],
                &[0; 14],
                &name,
                &[0, 24, 255, 255],
                &boxed(b"avcC", &[config, SECRET]),
                &boxed(b"colr", &[b"nclc", &[0, 1, 0, 1, 0, 1]]),
                &boxed(b"colr", &[b"prof", SECRET]),
                &boxed(b"pasp", &[&be(&[1, 1])]),
                &boxed(b"uuid", &[SECRET]),
                &[0; 4],
            ],
        )
    }
}

/// A track of which only its handler counts.
pub(crate) fn data_track(kind: &[u8; 4]) -> Vec<u8> {
    boxed(b"trak", &[&boxed(b"mdia", &[&handler(kind)])])
}

fn tapt() -> Vec<u8> {
    boxed(b"tapt", &[&full(b"clef", 0, &[SECRET])])
}

fn handler(kind: &[u8; 4]) -> Vec<u8> {
    full(b"hdlr", 0, &[&[0; 4], kind, &[0; 12], SECRET, b"\0"])
}

pub(crate) fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&((body.len() + 8) as u32).to_be_bytes(), &name[..], &body].concat()
}

pub(crate) fn full(name: &[u8; 4], flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    boxed(name, &[&flags.to_be_bytes(), &parts.concat()])
}

fn matrix(cells: &[i32; 9]) -> Vec<u8> {
    cells.iter().flat_map(|cell| cell.to_be_bytes()).collect()
}

pub(crate) fn be(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

pub(crate) fn holds(bytes: &[u8], marker: &[u8]) -> bool {
    bytes.windows(marker.len()).any(|window| window == marker)
}
