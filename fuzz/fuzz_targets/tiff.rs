#![no_main]

use libfuzzer_sys::Corpus;

libfuzzer_sys::fuzz_target!(
    // Decoders that panic are caught (src/photo): only a panic that comes out of there counts.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| -> Corpus {
        if !matches!(bytes, [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..]) {
            return Corpus::Reject;
        }
        kinora::fuzzing::photo(bytes);
        Corpus::Keep
    }
);
