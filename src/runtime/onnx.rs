//! ONNX files, byte by byte: as much of their format as is read and written here without ONNX Runtime.
//!
//! Field numbers are those of onnx.proto (ONNX 1.23), the wire format is that of the Protocol Buffers
//! encoding guide.

/// Bytes that are no message.
#[derive(Debug)]
pub(crate) struct Malformed;

/// Fields of a message, one after another.
pub(crate) struct Fields<'b>(pub(crate) &'b [u8]);

pub(crate) struct Field<'b> {
    pub(crate) number: u64,
    /// The field as it stands, with its number.
    pub(crate) whole: &'b [u8],
    pub(crate) content: Content<'b>,
}

pub(crate) enum Content<'b> {
    Number(u64),
    Bytes(&'b [u8]),
    Other,
}

impl<'b> Fields<'b> {
    pub(crate) fn next(&mut self) -> Result<Option<Field<'b>>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let start = self.0;
        let tag = self.number()?;
        let content = match tag & 7 {
            0 => Content::Number(self.number()?),
            1 => self.take(8).map(|_| Content::Other)?,
            2 => {
                let length = self.number()?;
                Content::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Content::Other)?,
            _ => return Err(Malformed),
        };
        let whole = &start[..start.len() - self.0.len()];
        Ok(Some(Field { number: tag >> 3, whole, content }))
    }

    /// A base-128 number.
    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.take(1)? else { return Err(Malformed) };
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, count: u64) -> Result<&'b [u8], Malformed> {
        let count = usize::try_from(count).map_err(|_| Malformed)?;
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// Adds a field that holds bytes, a text or a message.
pub(crate) fn write_bytes(number: u64, content: &[u8], out: &mut Vec<u8>) {
    write_varint(number << 3 | 2, out);
    write_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// Adds a field that holds a number.
pub(crate) fn write_number(number: u64, value: u64, out: &mut Vec<u8>) {
    write_varint(number << 3, out);
    write_varint(value, out);
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The same model, which does not say of what shape its inputs, outputs and values are.
///
/// ONNX Runtime plans which tensor may lie where another one has ended, and compares each whose rank it knows
/// with all that ended before (`FindReusableTensor`, allocation_planner.cc). That takes most of the time in
/// which a large graph opens, and nothing comes of it where heights and widths are left open. What has no
/// rank is left out.
pub(super) fn without_shapes(model: &[u8]) -> Result<Vec<u8>, Malformed> {
    // ModelProto.graph, of it value_info.
    let model = without(model, &[&[7], &[13]])?;
    // ModelProto.graph, of it input and output, of these ValueInfoProto.type, TypeProto.tensor_type,
    // TypeProto.Tensor.shape.
    without(&model, &[&[7], &[11, 12], &[2], &[1], &[2]])
}

/// A message without what lies at the end of `way`: the numbers of the fields at each depth.
fn without(message: &[u8], way: &[&[u64]]) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::with_capacity(message.len());
    let Some((numbers, further)) = way.split_first() else { return Ok(out) };
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        match field.content {
            Content::Bytes(content) if numbers.contains(&field.number) => {
                if !further.is_empty() {
                    write_bytes(field.number, &without(content, further)?, &mut out);
                }
            }
            _ => out.extend_from_slice(field.whole),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_go_and_nothing_else() {
        let named = |name: &[u8], kind: &[u8]| {
            let mut value = Vec::new();
            write_bytes(1, name, &mut value);
            write_bytes(2, kind, &mut value);
            value
        };
        let kind = |shape: Option<&[u8]>| {
            let (mut tensor, mut kind) = (Vec::new(), Vec::new());
            write_number(1, 1, &mut tensor);
            if let Some(shape) = shape {
                write_bytes(2, shape, &mut tensor);
            }
            write_bytes(1, &tensor, &mut kind);
            kind
        };
        let model = |shape: Option<&[u8]>, values: bool| {
            let (mut graph, mut model) = (Vec::new(), Vec::new());
            write_bytes(1, b"a node", &mut graph);
            write_bytes(11, &named(b"x", &kind(shape)), &mut graph);
            write_bytes(12, &named(b"y", &kind(shape)), &mut graph);
            if values {
                write_bytes(13, &named(b"h", &kind(shape)), &mut graph);
            }
            write_number(1, 300, &mut model);
            write_bytes(7, &graph, &mut model);
            write_bytes(14, b"a note", &mut model);
            model
        };
        let whole = model(Some(b"3 by 5"), true);
        let bare = model(None, false);
        assert_eq!(without_shapes(&whole).unwrap(), bare);
        assert_eq!(without_shapes(&bare).unwrap(), bare);
        assert!(without_shapes(&whole[..whole.len() - 1]).is_err());
    }
}
