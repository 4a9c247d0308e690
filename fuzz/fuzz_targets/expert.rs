#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = efy_fuzz::target("expert").run(bytes);
});
