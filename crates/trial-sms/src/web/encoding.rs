//! Replies that come compressed although none are asked for.

use std::io::Read;

use flate2::bufread::{GzDecoder, ZlibDecoder};

/// The body without its gzip or deflate encoding, recognised by its first octets: neither JSON nor HTML begins like that,
/// and proxies lose or keep the header `Content-Encoding` wrongly. A body that cannot be decompressed stays as it is.
/// `None` if the result has more than `most` octets.
pub(super) fn decoded(body: Vec<u8>, most: usize) -> Option<Vec<u8>> {
    let plain = match *body.as_slice() {
        [0x1F, 0x8B, ..] => read(GzDecoder::new(body.as_slice()), most),
        // RFC 1950, section 2.2: deflate with any window, and a check sum in five bits.
        [method, flags, ..] if method & 0x0F == 8 && u16::from_be_bytes([method, flags]) % 31 == 0 => {
            read(ZlibDecoder::new(body.as_slice()), most)
        }
        _ => None,
    };
    let body = plain.unwrap_or(body);
    (body.len() <= most).then_some(body)
}

/// At most one octet more than `most`; `None` if it is not what it seemed.
fn read(decoder: impl Read, most: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    decoder.take(most as u64 + 1).read_to_end(&mut plain).ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const MOST: usize = 1_000;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(plain: &[u8], level: Compression) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), level);
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_compressed_body_is_read_and_any_other_stays() {
        let plain = br#"{"code":0}"#.to_vec();
        for level in [Compression::none(), Compression::fast(), Compression::default(), Compression::best()] {
            assert_eq!(decoded(deflate(&plain, level), MOST).as_ref(), Some(&plain), "{level:?}");
        }
        assert_eq!(decoded(gzip(&plain), MOST).as_ref(), Some(&plain));
        assert_eq!(decoded([gzip(&plain), b"\0\0".to_vec()].concat(), MOST).as_ref(), Some(&plain));
        let (mut cut, mut spoilt) = (gzip(&plain), gzip(&plain));
        cut.truncate(cut.len() - 9);
        // The check sum before the length.
        let at = spoilt.len() - 8;
        spoilt[at] ^= 1;
        let others =
            ["", "x", "xy", "{}", "[0]", "0", "HTTP", "\u{FEFF}{}", "\u{1F}"].map(|text| text.as_bytes().to_vec());
        for body in others.into_iter().chain([cut, spoilt, vec![0x1F, 0x8B], b"x\x9C{}".to_vec()]) {
            assert_eq!(decoded(body.clone(), MOST), Some(body));
        }
    }

    #[test]
    fn a_body_that_grows_too_long_is_given_up() {
        let of = |octets: usize| vec![b' '; octets];
        assert_eq!(decoded(gzip(&of(MOST)), MOST), Some(of(MOST)));
        assert_eq!(decoded(gzip(&of(MOST + 1)), MOST), None);
        assert_eq!(decoded(gzip(&of(1 << 20)), MOST), None);
        assert_eq!(decoded(deflate(&of(MOST + 1), Compression::fast()), MOST), None);
    }
}
