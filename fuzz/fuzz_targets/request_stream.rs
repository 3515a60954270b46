//! Any bytes over TCP: the same requests, and the same end, however they are cut into pieces.
#![no_main]
use franka_imit::sim::wire::framing::{Framed, next_request};
use libfuzzer_sys::fuzz_target;

fn requests(mut bytes: &[u8]) -> (Vec<String>, bool) {
    let mut all = Vec::new();
    loop {
        match next_request(bytes) {
            Ok(Some(Framed { header, request, length })) => {
                assert!(length <= bytes.len() && length == header.size as usize);
                all.push(format!("{header:?} {request:?}")); // a NaN is not equal to itself
                bytes = &bytes[length..];
            }
            Ok(None) => return (all, true),
            Err(_) => return (all, false),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let (whole, good) = requests(data);
    let Some((&cut, rest)) = data.split_first() else { return };
    let cut = usize::from(cut).min(rest.len());
    let (begun, still_good) = requests(&data[..cut]);
    assert!(begun.len() <= whole.len() && whole[..begun.len()] == begun[..]);
    assert!(still_good || !good, "what is refused in part is refused in whole");
});
