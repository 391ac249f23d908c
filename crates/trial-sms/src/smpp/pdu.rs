//! Bodies of PDUs, read as far as possible: additions, omissions and odd lengths of message centres are skipped.

/// Optional parameters that are read (section 5.3.2).
pub(super) mod tag {
    pub(in super::super) const RECEIPTED_MESSAGE_ID: u16 = 0x001E;
    pub(in super::super) const NETWORK_ERROR_CODE: u16 = 0x0423;
    pub(in super::super) const MESSAGE_PAYLOAD: u16 = 0x0424;
    pub(in super::super) const MESSAGE_STATE: u16 = 0x0427;
}

/// The content of a `deliver_sm` or a `data_sm`, without addresses and times (sections 4.6.1 and 4.7.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Delivered {
    pub(super) esm_class: u8,
    pub(super) data_coding: u8,
    /// `short_message`; empty for a `data_sm`.
    pub(super) text: Vec<u8>,
    pub(super) tlvs: Vec<(u16, Vec<u8>)>,
}

impl Delivered {
    /// The first optional parameter of this tag.
    pub(super) fn tlv(&self, tag: u16) -> Option<&[u8]> {
        self.tlvs.iter().find(|(given, _)| *given == tag).map(|(_, value)| value.as_slice())
    }
}

/// Reads the body of a `deliver_sm`.
pub(super) fn deliver_sm(body: &[u8]) -> Result<Delivered, &'static str> {
    let mut rest = Octets(body);
    rest.routing()?;
    let esm_class = rest.octet("esm_class")?;
    rest.skip(2, "protocol_id and priority_flag")?;
    rest.text("schedule_delivery_time")?;
    rest.text("validity_period")?;
    rest.skip(2, "registered_delivery and replace_if_present_flag")?;
    let data_coding = rest.octet("data_coding")?;
    rest.skip(1, "sm_default_msg_id")?;
    let length = usize::from(rest.octet("sm_length")?);
    // Some count octets that they do not send.
    let (text, rest) = rest.0.split_at(length.min(rest.0.len()));
    Ok(Delivered { esm_class, data_coding, text: text.to_vec(), tlvs: tlvs(rest) })
}

/// Reads the body of a `data_sm`.
pub(super) fn data_sm(body: &[u8]) -> Result<Delivered, &'static str> {
    let mut rest = Octets(body);
    rest.routing()?;
    let esm_class = rest.octet("esm_class")?;
    rest.skip(1, "registered_delivery")?;
    let data_coding = rest.octet("data_coding")?;
    Ok(Delivered { esm_class, data_coding, text: Vec::new(), tlvs: tlvs(rest.0) })
}

/// The message's id in the body of a `submit_sm_resp`: up to its zero, or to the end.
pub(super) fn message_id(body: &[u8]) -> Option<String> {
    text(body).filter(|id| id.chars().count() <= trial_core::sms::PROVIDER_ID_LENGTH)
}

/// A text up to its zero, or all of it; `None` if it is empty.
pub(super) fn text(octets: &[u8]) -> Option<String> {
    let end = octets.iter().position(|octet| *octet == 0).unwrap_or(octets.len());
    let text = String::from_utf8_lossy(&octets[..end]).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Optional parameters. Leading zeros of some vendors are skipped if only so the rest can be read to its end.
fn tlvs(octets: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count().min(2);
    let readings = || (0..=zeros).map(|skipped| split(&octets[skipped..]));
    let whole = readings().find(|(tlvs, rest)| !tlvs.is_empty() && rest.iter().all(|octet| *octet == 0));
    whole.or_else(|| readings().next()).map(|(tlvs, _)| tlvs).unwrap_or_default()
}

/// Complete triples of tag, length and value, and the rest.
fn split(mut rest: &[u8]) -> (Vec<(u16, Vec<u8>)>, &[u8]) {
    let mut tlvs = Vec::new();
    while let Some(([tag, tag2, length, length2], behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*length, *length2]));
        let Some((value, behind)) = behind.split_at_checked(length) else { break };
        tlvs.push((u16::from_be_bytes([*tag, *tag2]), value.to_vec()));
        rest = behind;
    }
    (tlvs, rest)
}

/// The rest of a body.
struct Octets<'a>(&'a [u8]);

impl Octets<'_> {
    /// Skips everything before `esm_class`.
    fn routing(&mut self) -> Result<(), &'static str> {
        self.text("service_type")?;
        self.skip(2, "the type of source_addr")?;
        self.text("source_addr")?;
        self.skip(2, "the type of destination_addr")?;
        self.text("destination_addr")
    }

    /// Skips a text of any length.
    fn text(&mut self, field: &'static str) -> Result<(), &'static str> {
        let end = self.0.iter().position(|octet| *octet == 0).ok_or(field)?;
        self.0 = &self.0[end + 1..];
        Ok(())
    }

    fn skip(&mut self, count: usize, field: &'static str) -> Result<(), &'static str> {
        self.0 = self.0.get(count..).ok_or(field)?;
        Ok(())
    }

    fn octet(&mut self, field: &'static str) -> Result<u8, &'static str> {
        let (octet, rest) = self.0.split_first().ok_or(field)?;
        self.0 = rest;
        Ok(*octet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[u8] = b"\0\x01\x018616673280001\0\x05\0Trialgate\0\x04\0\0\0\0\0\0\x08\0";

    fn body(text: &[u8], behind: &[u8]) -> Vec<u8> {
        [FIELDS, &[u8::try_from(text.len()).unwrap()], text, behind].concat()
    }

    fn read(behind: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let delivered = deliver_sm(&body(b"text", behind)).unwrap();
        assert_eq!((delivered.esm_class, delivered.data_coding), (4, 8));
        assert_eq!(delivered.text, b"text");
        delivered.tlvs
    }

    #[test]
    fn octets_after_the_text_do_not_matter() {
        let id = b"\x00\x1e\x00\x03id\0".as_slice();
        let state = b"\x04\x27\x00\x01\x02".as_slice();
        let both = vec![(tag::RECEIPTED_MESSAGE_ID, b"id\0".to_vec()), (tag::MESSAGE_STATE, vec![2])];
        assert_eq!(read(&[id, state].concat()), both);
        // python-smpp, pull request 7: a provider sends a zero after `short_message`.
        assert_eq!(read(b"\0"), []);
        assert_eq!(read(&[b"\0", id, state].concat()), both);
        assert_eq!(read(&[b"\0\0", state, id].concat()), [both[1].clone(), both[0].clone()]);
        assert_eq!(read(&[id, state, b"\0\0\0"].concat()), both);
        assert_eq!(read(&[id, state, b"\x04"].concat()), both, "half a tag");
        assert_eq!(read(&[id, state, b"\x04\x24\x00\x09abc"].concat()), both, "less than it says");
        // kneodev/ksmppd, issue 145: a vendor sends network_error_code in four octets, not three.
        let error = b"\x04\x23\x00\x04\x03\0\0\0".as_slice();
        assert_eq!(read(&[id, error, state].concat()).len(), 3);
        let empty = b"\x04\x27\x00\x00\x00\x1e\x00\x00";
        assert_eq!(read(empty), [(tag::MESSAGE_STATE, vec![]), (tag::RECEIPTED_MESSAGE_ID, vec![])]);
    }

    #[test]
    fn fields_of_any_length_are_passed_over() {
        let long =
            [&[b'x'; 300][..], b"\0\x01\x01", &[b'1'; 99], b"\0\0\0\0\x04\0\0", &[b'9'; 40], b"\0\0\0\0\0\0\x02ab"];
        assert_eq!(deliver_sm(&long.concat()).unwrap().text, b"ab");
        let counted_too_much = [FIELDS, b"\x09ab"].concat();
        assert_eq!(deliver_sm(&counted_too_much).unwrap().text, b"ab");
        let data = b"\0\x01\x01123\0\x01\x01456\0\x04\0\x00\x04\x27\x00\x01\x05";
        assert_eq!(data_sm(data).unwrap().tlv(tag::MESSAGE_STATE), Some(&[5][..]));
    }

    #[test]
    fn a_body_that_ends_too_early_says_where() {
        for length in 0..FIELDS.len() {
            assert!(deliver_sm(&FIELDS[..length]).is_err(), "{length}");
        }
        assert_eq!(deliver_sm(b""), Err("service_type"));
        assert_eq!(deliver_sm(FIELDS), Err("sm_length"));
        assert_eq!(data_sm(b"\0\x01\x01123\0\x01\x01456"), Err("destination_addr"));
    }

    #[test]
    fn an_id_ends_with_its_zero_or_with_the_body() {
        let long = "x".repeat(65);
        for (body, id) in [
            ("id1\0", Some("id1")),
            ("id1", Some("id1")),
            ("id1\0\0junk", Some("id1")),
            (" id1 \0", Some("id1")),
            (&long, Some(long.as_str())),
            ("", None),
            ("\0", None),
            (&"x".repeat(201), None),
        ] {
            assert_eq!(message_id(body.as_bytes()).as_deref(), id);
        }
    }
}
