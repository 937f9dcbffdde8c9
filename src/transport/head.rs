//! What stands before the body of a reply.

use std::fmt;

/// The status and the headers of a reply.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReplyHead {
    /// The HTTP status.
    pub status: u16,
    /// Names and values; names in any case.
    pub headers: Vec<(String, String)>,
}

impl ReplyHead {
    /// The first value of the header `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Values may carry what a provider echoes.
impl fmt::Debug for ReplyHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyHead({}, {} headers)", self.status, self.headers.len())
    }
}
