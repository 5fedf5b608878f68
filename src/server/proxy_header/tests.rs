use proptest::prelude::*;

use super::*;

/// A header of version 2 with these bytes after its signature.
fn binary(rest: &[u8]) -> Vec<u8> {
    [SIGNATURE, rest].concat()
}

/// What is found: address and length, or `short` or `invalid`.
fn found(text: &[u8]) -> String {
    match parse(text) {
        Ok(Some((Some(address), length))) => format!("{address} {length}"),
        Ok(Some((None, length))) => format!("own {length}"),
        Ok(None) => "short".to_owned(),
        Err(InvalidHeader) => "invalid".to_owned(),
    }
}

#[test]
fn reads_both_versions() {
    let ipv6 = [
        &[0x21, 0x21, 0, 36][..],
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0; 16],
        &[0, 1, 0, 2],
    ];
    let unix = [&[0x21, 0x31, 0, 216][..], &[0; 216]].concat();
    let cases: &[(&[u8], &str)] = &[
        (
            b"PROXY TCP4 192.0.2.1 10.0.0.1 1234 80\r\nGET /",
            "192.0.2.1 39",
        ),
        (b"PROXY TCP6 2001:db8::1 ::1 1234 80\r\n", "2001:db8::1 36"),
        (b"PROXY UNKNOWN\r\n", "own 15"),
        (b"PROXY UNKNOWN a b c\r\nGET /", "own 21"),
        (
            &binary(b"\x21\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\0\x01\0\x02GET"),
            "192.0.2.1 28",
        ),
        (
            &binary(b"\x21\x11\0\x10\xc0\0\x02\x01\x0a\0\0\x01\0\x01\0\x02\x04\0\x01x"),
            "192.0.2.1 32",
        ),
        (&binary(&ipv6.concat()), "2001:db8::1 52"),
        (&binary(b"\x20\0\0\0"), "own 16"),
        (
            &binary(b"\x20\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\0\x01\0\x02"),
            "own 28",
        ),
        (&binary(b"\x21\0\0\0"), "own 16"),
        (&binary(&unix), "own 232"),
    ];
    for (text, expected) in cases {
        assert_eq!(
            found(text),
            *expected,
            "{:?}",
            text.escape_ascii().to_string()
        );
    }
}

#[test]
fn refuses_what_is_no_header() {
    let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 100], b"\r\n"].concat();
    let cases: &[&[u8]] = &[
        b"G",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PROXX",
        b"\r\n\r\r",
        b"PROXY TCP5 192.0.2.1 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 10.0.0.1 1 99999\r\n",
        b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\rGET",
        &long,
        &binary(b"\x11\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\0\x01\0\x02"),
        &binary(b"\x22\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\0\x01\0\x02"),
        // Datagrams.
        &binary(b"\x21\x12\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\0\x01\0\x02"),
        // Shorter than its addresses.
        &binary(b"\x21\x11\0\x02\xc0\0GET / HTTP/1.1"),
    ];
    for text in cases {
        assert_eq!(
            found(text),
            "invalid",
            "{:?}",
            text.escape_ascii().to_string()
        );
    }
}

#[test]
fn extensions_are_bounded() {
    let with = |length: u16| {
        let rest = [
            &[0x21, 0x00][..],
            &length.to_be_bytes(),
            &vec![0; usize::from(length)],
        ];
        found(&binary(&rest.concat()))
    };
    assert_eq!(with(4096), "own 4112");
    assert_eq!(with(4097), "invalid");
    // Refused before all of it has come.
    let endless = [&[0x21, 0x00, 0xff, 0xff][..], &[0; MAX_BINARY]].concat();
    assert_eq!(found(&binary(&endless)), "invalid");
}

proptest! {
    #[test]
    fn a_beginning_is_never_taken_for_a_header(port: u16, cut in 0_usize..40) {
        let whole = format!("PROXY TCP4 192.0.2.1 10.0.0.1 {port} 80\r\n");
        let (beginning, _) = whole.as_bytes().split_at(cut.min(whole.len() - 1));
        prop_assert_eq!(found(beginning), "short");
    }

    #[test]
    fn any_bytes_are_read_or_refused(rest: Vec<u8>, is_binary: bool) {
        let text = if is_binary { binary(&rest) } else { [b"PROXY ", rest.as_slice()].concat() };
        if let Ok(Some((_, length))) = parse(&text) {
            prop_assert!(length <= text.len());
        }
    }
}
