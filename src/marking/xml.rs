//! A reader of XML tags for XMP packets: it borrows, resolves no entities, knows no document types
//! and never looks outside the text, so that a hostile packet costs no more than its own length.

/// The most tags that may be open at once: RDF in XMP needs about ten.
const DEEPEST: usize = 64;

/// Something in a text, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event<'a> {
    Open(Tag<'a>),
    /// An empty tag opens and closes.
    Close,
    Text(&'a str),
}

/// A tag that opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Names and values, as they stand in the text.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || attribute(&mut rest))
    }
}

/// Why a text is not read on: it is not well formed, or more than XMP may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Walks over a text.
pub(super) struct Events<'a> {
    text: &'a str,
    /// Where the next event begins.
    at: usize,
    open: Vec<&'a str>,
    /// An empty tag was just opened.
    empty: bool,
}

impl<'a> Events<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, open: Vec::new(), empty: false }
    }

    /// Where the next event begins, in bytes from the start of the text.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// How many tags are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next event; `None` at the end of a text whose tags are all closed.
    pub(super) fn next(&mut self) -> Result<Option<Event<'a>>, Malformed> {
        if std::mem::take(&mut self.empty) {
            self.open.pop();
            return Ok(Some(Event::Close));
        }
        loop {
            let rest = self.text.get(self.at..).ok_or(Malformed)?;
            if rest.is_empty() {
                return if self.open.is_empty() { Ok(None) } else { Err(Malformed) };
            }
            if let Some(inside) = rest.strip_prefix("<?") {
                self.at += 4 + inside.find("?>").ok_or(Malformed)?;
            } else if let Some(inside) = rest.strip_prefix("<!--") {
                self.at += 7 + inside.find("-->").ok_or(Malformed)?;
            } else if let Some(inside) = rest.strip_prefix("<![CDATA[") {
                let length = inside.find("]]>").ok_or(Malformed)?;
                self.at += 12 + length;
                return Ok(Some(Event::Text(&inside[..length])));
            } else if let Some(inside) = rest.strip_prefix("</") {
                let (name, _) = inside.split_once('>').ok_or(Malformed)?;
                self.at += 3 + name.len();
                if self.open.pop() != Some(name.trim_end()) {
                    return Err(Malformed);
                }
                return Ok(Some(Event::Close));
            } else if rest.starts_with("<!") {
                // A document type could bring entities.
                return Err(Malformed);
            } else if let Some(inside) = rest.strip_prefix('<') {
                return self.tag(inside).map(Some);
            } else {
                let length = rest.find('<').unwrap_or(rest.len());
                self.at += length;
                return Ok(Some(Event::Text(&rest[..length])));
            }
        }
    }

    fn tag(&mut self, inside: &'a str) -> Result<Event<'a>, Malformed> {
        let length = end_of_tag(inside).ok_or(Malformed)?;
        self.at += 2 + length;
        let (body, empty) = match inside[..length].strip_suffix('/') {
            Some(body) => (body, true),
            None => (&inside[..length], false),
        };
        let name = body.split(char::is_whitespace).next().unwrap_or_default();
        let attributes = &body[name.len()..];
        if name.is_empty() || self.open.len() >= DEEPEST || !well_formed(attributes) {
            return Err(Malformed);
        }
        self.open.push(name);
        self.empty = empty;
        Ok(Event::Open(Tag { name, attributes }))
    }
}

/// The place of the `>` that is in no attribute's value.
fn end_of_tag(inside: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'<') => return None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn well_formed(attributes: &str) -> bool {
    let mut rest = attributes;
    while attribute(&mut rest).is_some() {}
    rest.trim().is_empty()
}

/// Takes one attribute from the front of `rest`, or leaves what is none.
fn attribute<'a>(rest: &mut &'a str) -> Option<(&'a str, &'a str)> {
    let (name, after) = rest.trim_start().split_once('=')?;
    let name = name.trim_end();
    let after = after.trim_start();
    let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (value, after) = after[1..].split_once(quote)?;
    if name.is_empty() || name.contains(char::is_whitespace) || value.contains('<') {
        return None;
    }
    *rest = after;
    Some((name, value))
}

/// `text` as the value of an attribute or between tags.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // What XML cannot carry at all.
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<Event<'_>>, Malformed> {
        let mut events = Events::new(text);
        let mut found = Vec::new();
        while let Some(event) = events.next()? {
            found.push(event);
        }
        Ok(found)
    }

    #[test]
    fn tags_texts_and_attributes() {
        let text = "<?x?><a b='1>' c = \"2\"><!-- < --> t<![CDATA[<z>]]><d/></a >";
        let found = all(text).unwrap();
        let Event::Open(tag) = found[0] else { panic!() };
        assert_eq!(tag.name, "a");
        assert_eq!(tag.attributes().collect::<Vec<_>>(), [("b", "1>"), ("c", "2")]);
        assert_eq!(found[1..3], [Event::Text(" t"), Event::Text("<z>")]);
        assert!(matches!(found[3], Event::Open(Tag { name: "d", .. })));
        assert_eq!(found[4..], [Event::Close, Event::Close]);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "<a>",
            "</a>",
            "<a></b>",
            "<a b=1/>",
            "<a b/>",
            "<a b='1/>",
            "<!DOCTYPE a><a/>",
            "<a",
            "<>",
            "<a b='<'/>",
            "<!-- a",
            "<?a",
            "<![CDATA[a",
        ] {
            assert_eq!(all(text), Err(Malformed), "{text}");
        }
        let deep = "<a>".repeat(DEEPEST + 1) + &"</a>".repeat(DEEPEST + 1);
        assert_eq!(all(&deep), Err(Malformed));
        assert!(all(&deep[3..deep.len() - 4]).is_ok());
    }

    #[test]
    fn what_is_escaped_reads_back_as_one_value() {
        let text = format!("<a b='{}'/>", escaped("\"'<>&\0x"));
        let Event::Open(tag) = all(&text).unwrap()[0] else { panic!() };
        assert_eq!(tag.attributes().next().unwrap().1, "&quot;&apos;&lt;&gt;&amp; x");
    }
}
