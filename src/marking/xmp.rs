//! XMP packets: written, added to, and read for the one property that counts here.
//!
//! A packet is RDF/XML between `<?xpacket …?>` (XMP Specification Part 1, section 7). Properties:
//! `Iptc4xmpExt:DigitalSourceType`, `AISystemUsed` and `AISystemVersionUsed` (IPTC Photo Metadata
//! Standard 2025.1), `xmp:CreatorTool` and `xmp:CreateDate` (XMP Part 1, 8.4), and, of the photo
//! that a clip was made of, `SourceDigitalSourceType` and `SourceC2pa` in a namespace of Kinora.

use std::io::Cursor;
use std::ops::Range;

use super::container::{Input, Scan};
use super::statement::{Declared, DigitalSourceType, Statement};
use super::xml::{Event, Events, Tag, escaped};
use crate::photo::PhotoMarks;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const IPTC_EXTENSION: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const XMP_BASIC: &str = "http://ns.adobe.com/xap/1.0/";
const KINORA: &str = "urn:kinora:marks:1:";
const SOURCE_TYPE: &str = "DigitalSourceType";
/// The fixed id of every packet (XMP Part 1, 7.3.2).
const PACKET_ID: &str = "W5M0MpCehiHzreSzNTczkc9d";

/// The largest packet that is read, in bytes. Editors' packets with embedded previews are the
/// largest that there are, and lie around 100 kB.
pub(super) const LARGEST_PACKET: u64 = 1 << 20;

/// The XMP of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Xmp {
    /// There is none.
    Absent,
    /// One packet that can be read.
    Intact {
        /// The source type that it declares.
        digital_source_type: Option<Declared>,
    },
    /// There is some, but it is cut, not well formed, packed, larger than 1 MiB, or there are two.
    Damaged,
}

/// Reads the XMP of a file of MP4, QuickTime, WebP, GIF, PNG, JPEG or TIFF.
///
/// Nothing is trusted: memory and time are at most of the order of `bytes`, whatever those claim.
/// Another format has no XMP.
pub fn find_xmp(bytes: &[u8]) -> Xmp {
    let mut cursor = Cursor::new(bytes);
    match Input::new(&mut cursor).and_then(|mut input| input.scan()) {
        Ok(Some(scan)) => of_file(&scan, bytes),
        Ok(None) | Err(_) => Xmp::Absent,
    }
}

/// What the packet of a scanned file says.
pub(super) fn of_file(scan: &Scan, bytes: &[u8]) -> Xmp {
    let packet = match &scan.xmp[..] {
        [] => return Xmp::Absent,
        [packet] if packet.readable => part(bytes, &packet.payload).and_then(Packet::read),
        _ => None,
    };
    let Some(packet) = packet else { return Xmp::Damaged };
    let mut declared = packet.source_type.map(|(declared, _)| declared);
    if declared.is_none() && !scan.extension.is_empty() {
        let parts = scan.extension.iter().filter_map(|range| part(bytes, range));
        let extension = parts.collect::<Vec<_>>().concat();
        declared = Packet::read(&extension)
            .and_then(|packet| packet.source_type)
            .map(|(declared, _)| declared);
    }
    Xmp::Intact { digital_source_type: declared }
}

fn part<'a>(bytes: &'a [u8], range: &Range<u64>) -> Option<&'a [u8]> {
    let at = |place: u64| usize::try_from(place).ok();
    bytes.get(at(range.start)?..at(range.end)?)
}

/// A packet that says what `statement` says. The same statement gives the same bytes.
pub(super) fn write(statement: &Statement) -> Vec<u8> {
    let description = description("", &properties(statement));
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"{PACKET_ID}\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n\
         <rdf:RDF xmlns:rdf=\"{RDF}\">\n\
         {description}\
         </rdf:RDF>\n\
         </x:xmpmeta>\n\
         <?xpacket end=\"w\"?>"
    )
    .into_bytes()
}

/// `packet` with what `statement` says beside what it said before; `None` where it cannot be read or
/// has no room for more, and `Some` of the same bytes where it already declares generated pictures.
///
/// What others declared stays, but for a source type that names no model: it is the source's and
/// would be wrong of the clip.
pub(super) fn merged(packet: &[u8], statement: &Statement) -> Option<Vec<u8>> {
    let read = Packet::read(packet)?;
    let mut text = read.text.to_owned();
    let missing: Vec<_> = properties(statement)
        .into_iter()
        .filter(|property| !read.properties.contains(&(property.namespace, property.name)))
        .collect();
    match &read.source_type {
        Some((Declared::Generated(_), _)) => return Some(packet.to_vec()),
        Some((Declared::Other, value)) => {
            // Behind the value, so its place is not moved by what follows.
            let added = description(read.about, &missing);
            text.insert_str(read.close, &added);
            text.replace_range(value.clone(), &statement.digital_source_type.uri());
        }
        None => text.insert_str(read.close, &description(read.about, &missing)),
    }
    // Whatever the packet was like before, this is what a reader has to find in it.
    let merged = Packet::read(text.as_bytes()).filter(|_| text.len() as u64 <= LARGEST_PACKET)?;
    merged.source_type.filter(|(declared, _)| declared.is_generated())?;
    Some(text.into_bytes())
}

/// One simple property.
struct Property {
    namespace: &'static str,
    prefix: &'static str,
    name: &'static str,
    value: String,
}

fn properties(statement: &Statement) -> Vec<Property> {
    let iptc =
        |name, value| Property { namespace: IPTC_EXTENSION, prefix: "Iptc4xmpExt", name, value };
    let basic = |name, value| Property { namespace: XMP_BASIC, prefix: "xmp", name, value };
    let own = |name, value| Property { namespace: KINORA, prefix: "kinora", name, value };
    let mut properties = vec![
        basic("CreatorTool", statement.generator()),
        basic("CreateDate", statement.day.to_string()),
        iptc(SOURCE_TYPE, statement.digital_source_type.uri()),
        iptc("AISystemUsed", statement.model.clone()),
    ];
    if !statement.model_version.is_empty() {
        properties.push(iptc("AISystemVersionUsed", statement.model_version.clone()));
    }
    let PhotoMarks { generated, manifest } = statement.photo_marks;
    if generated {
        let source_type = DigitalSourceType::TrainedAlgorithmicMedia.uri();
        properties.push(own("SourceDigitalSourceType", source_type));
    }
    if manifest {
        properties.push(own("SourceC2pa", "True".to_owned()));
    }
    properties
}

/// A description with properties as attributes; nothing without any. `about` is as it stands in the
/// packet, since all descriptions of one must agree in it. It brings its own prefixes, whatever the
/// packet uses them for.
fn description(about: &str, properties: &[Property]) -> String {
    let mut spaces: Vec<(&str, &str)> = vec![("rdf", RDF)];
    let mut attributes = String::new();
    for Property { namespace, prefix, name, value } in properties {
        if !spaces.contains(&(prefix, namespace)) {
            spaces.push((prefix, namespace));
        }
        attributes += &format!("\n  {prefix}:{name}=\"{}\"", escaped(value));
    }
    if attributes.is_empty() {
        return String::new();
    }
    let spaces: String =
        spaces.iter().map(|(prefix, space)| format!("\n  xmlns:{prefix}=\"{space}\"")).collect();
    // It may have stood between single quotes.
    let about = about.replace('"', "&quot;");
    format!(" <rdf:Description rdf:about=\"{about}\"{spaces}{attributes}/>\n")
}

/// What a packet says of what counts here.
struct Packet<'a> {
    text: &'a str,
    /// What the first description is about, as it stands in the text.
    about: &'a str,
    /// Where the tag that closes `rdf:RDF` begins.
    close: usize,
    /// The source type and where its value stands in the text.
    source_type: Option<(Declared, Range<usize>)>,
    /// Properties of the namespaces that Kinora writes.
    properties: Vec<(&'static str, &'static str)>,
}

impl<'a> Packet<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
        let mut events = Events::new(text);
        let mut spaces = Spaces::default();
        let mut packet =
            Self { text, about: "", close: 0, source_type: None, properties: Vec::new() };
        // The depth of `rdf:RDF`, and that of the property, while they are open. What a description
        // in a description says is said of something else, such as a part that was pasted in.
        let (mut rdf, mut property) = (None, None);
        let mut described = false;
        loop {
            let at = events.position();
            match events.next().ok()? {
                None => break,
                Some(Event::Open(tag)) => {
                    let depth = events.depth();
                    spaces.open(&tag, depth);
                    let described_here = rdf.is_some_and(|rdf| depth == rdf + 1);
                    let told_here = rdf.is_some_and(|rdf| depth == rdf + 2);
                    match spaces.resolve(tag.name) {
                        (RDF, "RDF") => {
                            // Two would be two packets in one.
                            if rdf.is_some() || packet.close != 0 {
                                return None;
                            }
                            rdf = Some(depth);
                        }
                        (RDF, "Description") if described_here => {
                            let first = !std::mem::replace(&mut described, true);
                            packet.describe(&tag, &spaces, first);
                        }
                        (IPTC_EXTENSION, SOURCE_TYPE) if told_here => {
                            property = Some(depth);
                            for (name, value) in tag.attributes() {
                                if spaces.resolve(name) == (RDF, "resource") {
                                    packet.declare(value);
                                }
                            }
                        }
                        (space, name) if told_here => packet.note(space, name),
                        _ => {}
                    }
                }
                Some(Event::Close) => {
                    let closed = events.depth() + 1;
                    if rdf == Some(closed) {
                        (rdf, packet.close) = (None, at);
                    }
                    if property == Some(closed) {
                        property = None;
                    }
                    spaces.close(closed);
                }
                Some(Event::Text(value)) if property.is_some() && !value.trim().is_empty() => {
                    packet.declare(value);
                }
                Some(Event::Text(_)) => {}
            }
        }
        // An empty `<rdf:RDF/>` has no place to add to, and says nothing: no editor writes it.
        text.get(packet.close..)?.starts_with("</").then_some(packet)
    }

    fn describe(&mut self, tag: &Tag<'a>, spaces: &Spaces<'a>, first: bool) {
        for (name, value) in tag.attributes() {
            match spaces.resolve(name) {
                (RDF, "about") if first => self.about = value,
                (space, name) => {
                    if (space, name) == (IPTC_EXTENSION, SOURCE_TYPE) {
                        self.declare(value);
                    } else {
                        self.note(space, name);
                    }
                }
            }
        }
    }

    fn note(&mut self, space: &str, name: &str) {
        const OURS: [(&str, &str); 7] = [
            (XMP_BASIC, "CreatorTool"),
            (XMP_BASIC, "CreateDate"),
            (IPTC_EXTENSION, SOURCE_TYPE),
            (IPTC_EXTENSION, "AISystemUsed"),
            (IPTC_EXTENSION, "AISystemVersionUsed"),
            (KINORA, "SourceDigitalSourceType"),
            (KINORA, "SourceC2pa"),
        ];
        let ours = OURS.into_iter().find(|ours| *ours == (space, name));
        self.properties.extend(ours.filter(|ours| !self.properties.contains(ours)));
    }

    /// A model's term counts before any other that the packet may have beside it; a property without
    /// a value says nothing.
    fn declare(&mut self, value: &'a str) {
        if value.trim().is_empty() {
            return;
        }
        self.note(IPTC_EXTENSION, SOURCE_TYPE);
        let declared = Declared::read(value);
        let known = self.source_type.as_ref().map(|(known, _)| *known);
        if known.is_none() || declared.is_generated() && known == Some(Declared::Other) {
            let start = value.as_ptr() as usize - self.text.as_ptr() as usize;
            self.source_type = Some((declared, start..start + value.len()));
        }
    }
}

/// The namespaces in scope, each with the depth of the tag that declared it.
#[derive(Default)]
struct Spaces<'a>(Vec<(usize, &'a str, &'a str)>);

impl<'a> Spaces<'a> {
    fn open(&mut self, tag: &Tag<'a>, depth: usize) {
        for (name, value) in tag.attributes() {
            if let Some(prefix) = name.strip_prefix("xmlns:") {
                self.0.push((depth, prefix, value));
            }
        }
    }

    fn close(&mut self, depth: usize) {
        while self.0.last().is_some_and(|(declared, ..)| *declared >= depth) {
            self.0.pop();
        }
    }

    /// The namespace and the local name; a name without a known prefix is in no namespace.
    fn resolve(&self, name: &'a str) -> (&'a str, &'a str) {
        // A packet that declares thousands of prefixes must not make every name cost thousands.
        const LATEST: usize = 256;
        let Some((prefix, local)) = name.split_once(':') else { return ("", name) };
        let found = self.0.iter().rev().take(LATEST).find(|(_, known, _)| *known == prefix);
        found.map_or(("", name), |(_, _, space)| (space, local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::{Day, DigitalSourceType};

    fn statement() -> Statement {
        Statement::new("kinora/motion", "2", Day::new(2026, 11, 26).unwrap())
    }

    fn declared(packet: &[u8]) -> Option<Declared> {
        Packet::read(packet).unwrap().source_type.map(|(declared, _)| declared)
    }

    const GENERATED: Option<Declared> =
        Some(Declared::Generated(DigitalSourceType::TrainedAlgorithmicMedia));

    #[test]
    fn what_is_written_is_read_and_is_the_same_each_time() {
        let packet = write(&statement());
        assert_eq!(declared(&packet), GENERATED);
        assert_eq!(packet, write(&statement()));
        let text = String::from_utf8(packet).unwrap();
        for part in [
            "xmp:CreatorTool=\"Kinora 0.1.0\"",
            "xmp:CreateDate=\"2026-11-26\"",
            "Iptc4xmpExt:AISystemUsed=\"kinora/motion\"",
            "Iptc4xmpExt:AISystemVersionUsed=\"2\"",
            "digitalsourcetype/trainedAlgorithmicMedia\"",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("kinora:Source"), "{text}");
    }

    #[test]
    fn names_that_hold_xml_do_not_break_the_packet() {
        let statement = Statement { model: "<\"&'>\0".to_owned(), ..statement() };
        assert_eq!(declared(&write(&statement)), GENERATED);
    }

    #[test]
    fn the_marks_of_the_photo_are_told() {
        let marks = PhotoMarks { generated: true, manifest: true };
        let text = String::from_utf8(write(&statement().photo_marks(marks))).unwrap();
        assert!(text.contains("kinora:SourceC2pa=\"True\""));
        assert!(text.contains("kinora:SourceDigitalSourceType=\"http"));
    }

    fn foreign(inside: &str) -> Vec<u8> {
        format!(
            "<?xpacket begin='' id='x'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><r:RDF xmlns:r='{RDF}'>\
             <r:Description r:about='uuid:1' xmlns:dc='http://purl.org/dc/elements/1.1/' \
             xmlns:i='{IPTC_EXTENSION}' xmlns:xap='{XMP_BASIC}' xap:CreatorTool='Other 1'>{inside}\
             </r:Description></r:RDF></x:xmpmeta>  <?xpacket end='w'?>"
        )
        .into_bytes()
    }

    #[test]
    fn every_way_to_write_the_property_is_read() {
        let uri = DigitalSourceType::TrainedAlgorithmicMedia.uri();
        for inside in [
            format!("<i:DigitalSourceType>{uri}</i:DigitalSourceType>"),
            format!("<i:DigitalSourceType r:resource='{uri}'/>"),
            format!(
                "<i:DigitalSourceType><r:Bag><r:li> {uri} </r:li></r:Bag></i:DigitalSourceType>"
            ),
            format!("<q:DigitalSourceType xmlns:q='{IPTC_EXTENSION}'>{uri}</q:DigitalSourceType>"),
        ] {
            assert_eq!(declared(&foreign(&inside)), GENERATED, "{inside}");
        }
        for inside in [
            format!("<dc:DigitalSourceType>{uri}</dc:DigitalSourceType>"),
            format!("<!-- <i:DigitalSourceType>{uri}</i:DigitalSourceType> -->"),
            format!(
                "<dc:a><q:b xmlns:q='{IPTC_EXTENSION}'/><q:DigitalSourceType>{uri}</q:DigitalSourceType></dc:a>"
            ),
        ] {
            assert_eq!(declared(&foreign(&inside)), None, "{inside}");
        }
    }

    #[test]
    fn foreign_packets_are_added_to_and_keep_what_they_say() {
        let packet = foreign("<dc:title>Mine</dc:title>");
        let merged = merged(&packet, &statement()).unwrap();
        assert_eq!(declared(&merged), GENERATED);
        let text = String::from_utf8(merged).unwrap();
        assert!(text.contains("<dc:title>Mine</dc:title>") && text.contains("Other 1"));
        assert!(text.contains("<rdf:Description rdf:about=\"uuid:1\""));
        // One property never has two values.
        assert!(!text.contains("Kinora 0.1.0"));
        assert_eq!(text.matches("<?xpacket begin").count(), 1);
    }

    #[test]
    fn marks_of_models_stay_and_those_of_cameras_do_not() {
        let composite = DigitalSourceType::CompositeWithTrainedAlgorithmicMedia;
        let packet =
            foreign(&format!("<i:DigitalSourceType>{}</i:DigitalSourceType>", composite.uri()));
        assert_eq!(merged(&packet, &statement()).unwrap(), packet);
        let packet = foreign("<i:DigitalSourceType>digitalCapture</i:DigitalSourceType>");
        let packet = merged(&packet, &statement()).unwrap();
        assert_eq!(declared(&packet), GENERATED);
        assert!(!String::from_utf8(packet).unwrap().contains("digitalCapture"));
    }

    #[test]
    fn what_is_said_of_something_else_and_what_says_nothing_do_not_count() {
        let uri = DigitalSourceType::TrainedAlgorithmicMedia.uri();
        let pasted = format!(
            "<dc:Pantry><r:Bag><r:li><r:Description><i:DigitalSourceType>{uri}\
             </i:DigitalSourceType></r:Description></r:li></r:Bag></dc:Pantry>"
        );
        for inside in
            [&pasted[..], "<i:DigitalSourceType/>", "<i:DigitalSourceType> </i:DigitalSourceType>"]
        {
            let packet = foreign(inside);
            assert_eq!(declared(&packet), None, "{inside}");
            let merged = merged(&packet, &statement()).unwrap();
            assert_eq!(declared(&merged), GENERATED, "{inside}");
            assert!(String::from_utf8(merged).unwrap().contains(inside));
        }
        // The property's name in front of another scheme's term is not IPTC's term.
        let other =
            foreign("<i:DigitalSourceType>urn:x/trainedAlgorithmicMedia</i:DigitalSourceType>");
        assert_eq!(declared(&other), Some(Declared::Other));
    }

    #[test]
    fn packets_of_every_spelling_can_be_added_to() {
        let quoted = String::from_utf8(foreign("")).unwrap().replace("uuid:1", "a\"b");
        let spelt = |rdf: &str| {
            format!(
                "<x:xmpmeta xmlns:x='adobe:ns:meta/'><{rdf}:RDF xmlns:{rdf}='{RDF}'>\
                 <{rdf}:Description {rdf}:about=''/></{rdf}:RDF></x:xmpmeta>"
            )
        };
        for packet in [quoted, spelt("xmp"), spelt("kinora"), spelt("Iptc4xmpExt"), spelt("q")] {
            let merged = merged(packet.as_bytes(), &statement());
            assert_eq!(merged.as_deref().map(declared), Some(GENERATED), "{packet}");
        }
        // One that has no room is not made too long to be read.
        let full =
            foreign(&format!("<dc:title>{}</dc:title>", "x".repeat(LARGEST_PACKET as usize - 600)));
        assert!(declared(&full).is_none() && merged(&full, &statement()).is_none());
    }

    #[test]
    fn packets_that_are_none_are_damaged() {
        let whole = write(&statement());
        for packet in [&b""[..], b"<a/>", b"\xff\xfe<\0", &whole[..whole.len() - 40]] {
            assert!(Packet::read(packet).is_none());
            assert!(merged(packet, &statement()).is_none());
        }
        let twice = [&foreign("")[..], &foreign("")].concat();
        assert!(Packet::read(&twice).is_none());
        // Any cut ends without a panic.
        for length in 0..whole.len() {
            _ = Packet::read(&whole[..length]);
        }
    }
}
