//! Fuzz targets: a signed request is accepted, and no request with another meaning is.

use percent_encoding::percent_decode_str;
use trial_fuzz::Target;
use trial_signing::{RequestParts, Signed, VerifyError, query_pairs, sign};

use crate::{borrowed, judge, key, now};

/// The pieces of an input, separated by NUL; missing ones are empty.
fn pieces<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut pieces = input.splitn(N, |byte| *byte == 0);
    [(); N].map(|()| pieces.next().unwrap_or_default())
}

/// Text that may be in a request line or a header.
fn text(piece: &[u8]) -> &str {
    let text = std::str::from_utf8(piece).unwrap_or_default();
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) { text } else { "" }
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// A signature in the headers is parsed or refused, and never accepted: nobody can forge one.
#[test]
fn signature_header() {
    Target::new("signature_header").makes(5_000).check(|input| {
        no_second_line_is_overlooked(input);
        let [authorization, date, body] = pieces(input).map(text);
        let headers = [("Host", "example.com"), ("X-Sdk-Date", date), ("Authorization", authorization)];
        let headers = headers.map(|(name, value)| (name, value.as_bytes()));
        let request = RequestParts { method: "POST", path: "/", query: &[], headers: &headers, body: body.as_bytes() };
        let Ok(claim) = Signed::parse(&request) else { return };
        assert!(authorization.contains(&format!("Access={}, SignedHeaders=", claim.access())));
        assert!(claim.verify(&request, &key(), now()).is_err());
        let (access, rest) = authorization.split_once(", SignedHeaders=").unwrap();
        let (names, signature) = rest.split_once(", Signature=").unwrap();
        let other = signature.bytes().rev().map(char::from).collect::<String>();
        if other.trim() != signature.trim() {
            let other = format!("{access}, SignedHeaders={names}, Signature={other}");
            let headers =
                headers.map(|(name, value)| (name, if name == "Authorization" { other.as_bytes() } else { value }));
            let other = Signed::parse(&RequestParts { headers: &headers, ..request });
            assert!(other.is_err() || other.unwrap().fingerprint() != claim.fingerprint());
        }
    });
}

/// A line is added before or after the others of a correctly signed request: the first byte says which and where, the
/// rest is its value. No header that the signature relies on may be repeated, whatever its second value.
fn no_second_line_is_overlooked(input: &[u8]) {
    let Some((which, value)) = input.split_first() else { return };
    let given: [(&str, &[u8]); 2] = [("Host", b"example.com"), ("Content-Type", b"application/json")];
    let request = RequestParts { method: "POST", path: "/", query: &[], headers: &given, body: b"{}" };
    let added = sign(&key(), &request, now()).unwrap();
    let signed: Vec<(&str, &[u8])> =
        given.into_iter().chain(added.iter().map(|(name, value)| (*name, value.as_bytes()))).collect();
    assert_eq!(judge(&RequestParts { headers: &signed, ..request }, now()), Ok(()));
    let names = ["host", "x-sdk-date", "authorization", "content-type", "x-sdk-content-sha256"];
    let line = (names[usize::from(which / 2) % names.len()], value);
    let place = if which % 2 == 0 { 0 } else { signed.len() };
    let mut twice = signed;
    twice.insert(place, line);
    assert!(judge(&RequestParts { headers: &twice, ..request }, now()).is_err(), "{line:?}");
}

/// A request with one changeable part.
#[derive(Clone)]
struct Draft {
    path: String,
    query: String,
    name: String,
    value: String,
    body: Vec<u8>,
}

impl Draft {
    fn headers(&self) -> Vec<(String, String)> {
        let usual = [("Host", "example.com"), ("Content-Type", "application/json"), (&self.name, &self.value)];
        usual.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// The meaning of the request to its server.
    fn meaning(&self) -> impl PartialEq + use<> {
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let parameter = |text: &str| decoded(&text.replace('+', "%20"));
        let mut path = decoded(&self.path);
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut pairs: Vec<_> = pairs.map(|(name, value)| (parameter(name), parameter(value))).collect();
        pairs.sort_unstable();
        (path, pairs, self.name.to_ascii_lowercase(), self.value.trim().to_owned(), self.body.clone())
    }

    /// With one byte of one part changed, as two bytes of the input say.
    fn changed(&self, which: u8, place: u8) -> Self {
        let mut other = self.clone();
        let text = match which % 5 {
            0 => &mut other.path,
            1 => &mut other.query,
            2 => &mut other.value,
            3 => {
                let place = usize::from(place) % (other.body.len() + 1);
                other.body.insert(place, which);
                return other;
            }
            _ => {
                other.body.pop();
                return other;
            }
        };
        let place = usize::from(place) % (text.len() + 1);
        text.insert(place, char::from(b'0' + which % 10));
        other
    }
}

#[test]
fn signed_request() {
    Target::new("signed_request").makes(2_000).check(|input| {
        let [path, query, name, value, change, body] = pieces(input);
        let (path, query, value) = (text(path).to_owned(), text(query).to_owned(), text(value).to_owned());
        let name = Some(text(name)).filter(|name| is_token(name)).unwrap_or("X-Note").to_owned();
        let draft = Draft { path, query, name, value, body: body.to_vec() };
        let given = draft.headers();
        let Some(pairs) = query_pairs(&draft.query) else { return };
        let request = RequestParts {
            method: "POST",
            path: &draft.path,
            query: &pairs,
            headers: &borrowed(&given),
            body: &draft.body,
        };
        let Ok(added) = sign(&key(), &request, now()) else { return };
        // Given by the client as well, they would be there twice, and no request has that.
        if ["authorization", "x-sdk-content-sha256"].contains(&draft.name.to_ascii_lowercase().as_str()) {
            return;
        }
        let added: Vec<_> = added.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let judged = |draft: &Draft| {
            let headers = [draft.headers(), added.clone()].concat();
            let Some(query) = query_pairs(&draft.query) else { return Err(VerifyError::Signature) };
            let (path, headers) = (draft.path.as_str(), borrowed(&headers));
            judge(&RequestParts { method: "POST", path, query: &query, headers: &headers, body: &draft.body }, now())
        };
        assert_eq!(judged(&draft), Ok(()), "a signed request is accepted");
        let [which, place] = [0, 1].map(|at| change.get(at).copied().unwrap_or_default());
        let changed = draft.changed(which, place);
        if changed.meaning() != draft.meaning() && !draft.name.contains('_') {
            assert_eq!(judged(&changed), Err(VerifyError::Signature), "a changed one is not");
        }
    });
}
