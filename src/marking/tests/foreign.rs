//! Files that others wrote, with and without metadata of their own.

use std::io::Cursor;

use image::ImageFormat;

use super::*;

const IPTC: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const TRAINED: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

fn picture(format: ImageFormat) -> Vec<u8> {
    let picture =
        image::RgbImage::from_fn(20, 14, |x, y| image::Rgb([x as u8 * 9, y as u8 * 9, 80]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A packet that says `inside` and whose title tells whether it is still there.
fn packet(inside: &str) -> Vec<u8> {
    format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\
         <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description rdf:about='' xmlns:i='{IPTC}'><i:Headline>Keep me</i:Headline>{inside}\
         </rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

fn declaring(term: &str) -> Vec<u8> {
    packet(&format!("<i:DigitalSourceType>{term}</i:DigitalSourceType>"))
}

/// A JPEG with Exif and whatever else is to stand in front of its tables.
fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let plain = picture(ImageFormat::Jpeg);
    let mut bytes = plain[..2].to_vec();
    for (marker, body) in segments {
        bytes.extend([0xff, *marker]);
        bytes.extend((body.len() as u16 + 2).to_be_bytes());
        bytes.extend(body);
    }
    bytes.extend(&plain[2..]);
    bytes
}

fn xmp_segment(packet: &[u8]) -> (u8, Vec<u8>) {
    (0xe1, [b"http://ns.adobe.com/xap/1.0/\0", packet].concat())
}

fn count(bytes: &[u8], what: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, what).count()
}

#[test]
fn still_pictures_are_marked_and_look_the_same() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let before = picture(format);
        assert_eq!(find_xmp(&before), Xmp::Absent);
        let after = marks().sign_bytes(before.clone()).unwrap();
        assert_eq!(find_xmp(&after), GENERATED, "{format:?}");
        let pixels = |bytes: &[u8]| image::load_from_memory_with_format(bytes, format).unwrap();
        assert_eq!(pixels(&after), pixels(&before), "{format:?}");
        assert_eq!(marks().sign_bytes(after.clone()).unwrap(), after);
    }
}

/// Some writers leave the padding of the last chunk out.
#[test]
fn a_last_chunk_without_its_padding_goes_whole() {
    let mut file = marks().sign_bytes(picture(ImageFormat::WebP)).unwrap();
    file.truncate(memchr::memmem::find(&file, b"XMP ").unwrap());
    file.extend(b"XMP \x07\0\0\0<a></a>");
    let size = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    assert_eq!(find_xmp(&file), Xmp::Damaged);
    let mended = marks().sign_bytes(file).unwrap();
    assert_eq!(find_xmp(&mended), GENERATED);
    assert!(image::load_from_memory(&mended).is_ok());
}

#[test]
fn webp_announces_its_packet_and_its_size() {
    let mut files = vec![picture(ImageFormat::WebP)];
    if cfg!(feature = "webp") {
        files.push(plain(Container::Webp));
    }
    for file in files {
        let marked = marks().sign_bytes(file).unwrap();
        assert_eq!(&marked[12..16], b"VP8X");
        assert_eq!(marked[20] & 0x04, 0x04);
        let size = u32::from_le_bytes(marked[4..8].try_into().unwrap());
        assert_eq!(size as usize, marked.len() - 8);
    }
}

#[test]
fn a_png_packet_with_a_wrong_checksum_is_damaged() {
    let mut marked = marks().sign_bytes(picture(ImageFormat::Png)).unwrap();
    let at = memchr::memmem::find(&marked, b"Kinora 0").unwrap();
    marked[at] = b'k';
    assert_eq!(find_xmp(&marked), Xmp::Damaged);
    let mended = marks().sign_bytes(marked).unwrap();
    assert_eq!(find_xmp(&mended), GENERATED);
    assert_eq!(count(&mended, b"XML:com.adobe.xmp"), 1);
}

#[test]
fn jpeg_keeps_exif_in_front_and_one_packet() {
    let exif = (0xe1, b"Exif\0\0II\x2a\0\x08\0\0\0\0\0".to_vec());
    let old = jpeg(&[exif.clone(), xmp_segment(&packet(""))]);
    let new = marks().sign_bytes(old.clone()).unwrap();
    assert_eq!(find_xmp(&new), GENERATED);
    assert_eq!(
        new[4..].iter().take(2).collect::<Vec<_>>(),
        old[4..].iter().take(2).collect::<Vec<_>>()
    );
    assert_eq!(&new[6..10], b"Exif");
    assert_eq!(count(&new, b"http://ns.adobe.com/xap/1.0/\0"), 1);
    assert_eq!(count(&new, b"Keep me"), 1);
    image::load_from_memory(&new).unwrap();
}

#[test]
fn declarations_of_models_are_carried_on_in_every_format() {
    let mut files = vec![jpeg(&[xmp_segment(&declaring(TRAINED))])];
    for container in containers() {
        // Written by ourselves, then made another's.
        let ours = marks().sign_bytes(plain(container)).unwrap();
        let at = memchr::memmem::find(&ours, b"Kinora 0").unwrap();
        let mut theirs = ours;
        theirs[at..at + 6].copy_from_slice(b"Others");
        files.push(theirs);
    }
    for file in files {
        assert_eq!(find_xmp(&file), GENERATED);
        assert_eq!(marks().sign_bytes(file.clone()).unwrap(), file);
    }
}

#[test]
fn a_packet_that_cannot_be_read_gives_way_to_a_sound_one() {
    for container in containers() {
        let ours = marks().sign_bytes(plain(container)).unwrap();
        let at = memchr::memmem::find(&ours, b"</rdf:RDF>").unwrap();
        let mut broken = ours.clone();
        broken[at + 1] = b'x';
        assert_eq!(find_xmp(&broken), Xmp::Damaged, "{container:?}");
        assert_eq!(layer(&broken, LayerKind::Xmp).state, LayerState::Damaged);
        let mended = marks().sign_bytes(broken).unwrap();
        assert_eq!(find_xmp(&mended), GENERATED, "{container:?}");
        assert_eq!(count(&mended, b"<?xpacket begin"), 1, "{container:?}");
        if container != Container::Mp4 {
            assert_eq!(mended, ours, "{container:?}");
        }
    }
}

#[cfg(feature = "openh264")]
#[test]
fn a_last_box_without_a_size_gets_one() {
    let mut open = plain(Container::Mp4);
    let media = memchr::memmem::find(&open, b"mdat").unwrap() - 4;
    open[media..media + 4].fill(0);
    let marked = marks().sign_bytes(open).unwrap();
    assert_eq!(boxes(&marked), ["ftyp", "moov", "free", "mdat", "uuid"]);
    assert_eq!(marked, marks().sign_bytes(plain(Container::Mp4)).unwrap());
}

#[cfg(feature = "openh264")]
#[test]
fn the_packet_of_a_quicktime_file_moves_without_moving_pictures() {
    // `moov` grows, so its room behind it shrinks: a `free` box of an encoder is that large.
    let file = plain(Container::Mp4);
    let text = packet("");
    let user_data = [
        &(16 + text.len() as u32).to_be_bytes()[..],
        b"udta",
        &(8 + text.len() as u32).to_be_bytes(),
        b"XMP_",
        &text,
    ]
    .concat();
    let end = memchr::memmem::find(&file, b"free").unwrap() - 4;
    let start = memchr::memmem::find(&file, b"moov").unwrap() - 4;
    let mut quicktime = file.clone();
    quicktime.splice(end..end, user_data.clone());
    let size = (end - start + user_data.len()) as u32;
    quicktime[start..start + 4].copy_from_slice(&size.to_be_bytes());
    let marked = marks().sign_bytes(quicktime.clone()).unwrap();
    assert_eq!(find_xmp(&marked), GENERATED);
    assert_eq!(count(&marked, b"XMP_"), 0);
    assert_eq!(count(&marked, b"Keep me"), 1);
    assert_eq!(boxes(&marked), ["ftyp", "moov", "free", "mdat", "uuid"]);
    assert_eq!(marked[end + user_data.len()..quicktime.len()], file[end..]);
}

#[test]
fn photos_tell_their_marks_and_nothing_else() {
    let (none, generated) =
        (PhotoMarks::default(), PhotoMarks { generated: true, manifest: false });
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        assert_eq!(PhotoMarks::of(&picture(format)), none);
    }
    assert_eq!(PhotoMarks::of(&jpeg(&[xmp_segment(&declaring(TRAINED))])), generated);
    assert_eq!(PhotoMarks::of(&jpeg(&[xmp_segment(&declaring("digitalCapture"))])), none);
    assert_eq!(PhotoMarks::of(&jpeg(&[xmp_segment(&packet(""))])), none);
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let photo = marks().sign_bytes(picture(format)).unwrap();
        assert_eq!(PhotoMarks::of(&photo), generated, "{format:?}");
    }
}

#[test]
fn an_extended_packet_and_that_of_a_tiff_are_read() {
    let whole = declaring(TRAINED);
    let (first, second) = whole.split_at(100);
    let part = |at: u32, text: &[u8]| {
        let name = b"http://ns.adobe.com/xmp/extension/\0";
        let sizes = [(whole.len() as u32).to_be_bytes(), at.to_be_bytes()].concat();
        (0xe1, [&name[..], &[b'0'; 32], &sizes, text].concat())
    };
    let photo = jpeg(&[xmp_segment(&packet("")), part(0, first), part(100, second)]);
    assert_eq!(find_xmp(&photo), GENERATED);

    for little in [true, false] {
        let short = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut tiff = if little { b"II".to_vec() } else { b"MM".to_vec() };
        tiff.extend(short(42));
        tiff.extend(long(8));
        tiff.extend(short(2));
        for (tag, kind, size, value) in [(700, 1, whole.len() as u32, 38), (52_545, 7, 1, 0)] {
            tiff.extend([short(tag), short(kind)].concat());
            tiff.extend([long(size), long(value)].concat());
        }
        tiff.extend(long(0));
        tiff.extend(&whole);
        assert_eq!(find_xmp(&tiff), GENERATED);
        assert!(has_manifest(&tiff));
    }
}

/// Manifests as they lie in files, with nothing in them: enough to be seen.
#[test]
fn manifests_are_seen_in_every_format() {
    let store = b"\0\0\0\x20jumb\0\0\0\x18jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\0\0\0\0";
    let segment = [b"JP\0\x01\0\0\0\x01", &store[..]].concat();
    let mut files = vec![jpeg(&[(0xeb, segment)])];
    let mut png = picture(ImageFormat::Png);
    png.splice(33..33, [&(store.len() as u32).to_be_bytes()[..], b"caBX", store, &[0; 4]].concat());
    files.push(png);
    let mut webp = picture(ImageFormat::WebP);
    webp.extend([b"C2PA", &(store.len() as u32).to_le_bytes()[..], store].concat());
    let size = webp.len() as u32 - 8;
    webp[4..8].copy_from_slice(&size.to_le_bytes());
    files.push(webp);
    let mut gif = plain(Container::Gif);
    let extension =
        [b"\x21\xff\x0bC2PA_GIF\x01\0\0", &[store.len() as u8][..], store, &[0]].concat();
    let end = gif.len() - 1;
    gif.splice(end..end, extension);
    files.push(gif);
    if cfg!(feature = "openh264") {
        let id = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";
        let mut mp4 = plain(Container::Mp4);
        mp4.extend([&(24 + store.len() as u32).to_be_bytes()[..], b"uuid", id, store].concat());
        files.push(mp4);
    }
    for file in files {
        assert!(has_manifest(&file) && PhotoMarks::of(&file).manifest);
        let layer = layer(&file, LayerKind::Manifest);
        if cfg!(feature = "c2pa") {
            assert_eq!(layer.state, LayerState::Damaged, "{layer:?}");
        } else {
            assert_eq!(layer.state, LayerState::Unverified);
        }
        // Without a signer nothing may break what it vouches for.
        assert_eq!(marks().sign_bytes(file.clone()).unwrap(), file);
    }
}
