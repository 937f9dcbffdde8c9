//! Boxes of MP4 files (ISO/IEC 14496-12) that every file of ours is written with.

/// One box.
pub(in crate::clip) fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let size = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(size);
    bytes.extend((size as u32).to_be_bytes());
    bytes.extend_from_slice(name);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A box with a version and flags of 24 bits.
pub(in crate::clip) fn full(name: &[u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let head = u32::from(version) << 24 | flags;
    boxed(name, &[&head.to_be_bytes(), &parts.concat()])
}

/// `hdlr`: the track is video, and its handler has no name of anybody's.
pub(in crate::clip) fn video_handler() -> Vec<u8> {
    full(b"hdlr", 0, 0, &[&[0; 4], b"vide", &[0; 12], b"VideoHandler\0"])
}

/// `minf`: a video whose samples are in the same file, with its sample table.
pub(in crate::clip) fn video_information(samples: &[u8]) -> Vec<u8> {
    let video = full(b"vmhd", 0, 1, &[&[0; 8]]);
    let in_this_file = full(b"url ", 0, 1, &[]);
    let references = full(b"dref", 0, 0, &[&1u32.to_be_bytes(), &in_this_file]);
    let data = boxed(b"dinf", &[&references]);
    boxed(b"minf", &[&video, &data, samples])
}

/// `avc1`: H.264 pictures of that size, with the boxes that say how they are decoded and shown.
pub(in crate::clip) fn avc1(width: u16, height: u16, boxes: &[&[u8]]) -> Vec<u8> {
    const DPI_72: [u8; 4] = 0x0048_0000u32.to_be_bytes();
    boxed(
        b"avc1",
        &[
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 16],
            &width.to_be_bytes(),
            &height.to_be_bytes(),
            &DPI_72,
            &DPI_72,
            &[0; 4],
            &1u16.to_be_bytes(),      // one frame a sample
            &[0; 32],                 // no compressor's name
            &0x0018u16.to_be_bytes(), // colour without alpha
            &[0xff, 0xff],
            &boxes.concat(),
        ],
    )
}

/// "und", five bits a letter: the language of pictures.
pub(in crate::clip) const UNDETERMINED_LANGUAGE: u16 = 0x55c4;

/// Numbers of 32 bits, one after another.
pub(in crate::clip) fn bytes_of(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}
