#![no_main]

libfuzzer_sys::fuzz_target!(
    // Decoders that panic are caught (src/photo): only a panic that comes out of there counts.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| kinora::fuzzing::profile(bytes)
);
