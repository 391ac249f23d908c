//! PDUs one by one, framed by their header alone: an unreadable body affects nothing else.

use std::io;

use rusmpp::Command;
use rusmpp::tokio_codec::{CommandCodec, EncodeError};
use tokio_util::bytes::{Buf as _, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// Octets of a header (section 3.2).
pub(super) const HEADER: usize = 16;
/// The longest PDU that is read, in octets: one with a `message_payload` of 64 KiB (section 5.3.2.32) has room.
const MAX_PDU: usize = 128 * 1024;

/// Commands that are read, or that identify answers (section 5.1.2.1).
pub(super) mod id {
    pub(in super::super) const DELIVER_SM: u32 = 0x05;
    pub(in super::super) const UNBIND: u32 = 0x06;
    pub(in super::super) const ENQUIRE_LINK: u32 = 0x15;
    pub(in super::super) const ALERT_NOTIFICATION: u32 = 0x102;
    pub(in super::super) const DATA_SM: u32 = 0x103;
    /// The bit that distinguishes an answer's id from its request's.
    pub(in super::super) const ANSWER: u32 = 0x8000_0000;
    pub(in super::super) const GENERIC_NACK: u32 = ANSWER;
}

/// A received PDU: its header, and its raw body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) id: u32,
    pub(super) status: u32,
    pub(super) number: u32,
    pub(super) body: Bytes,
}

impl Frame {
    /// The PDU's own length.
    pub(super) fn length(&self) -> usize {
        HEADER + self.body.len()
    }
}

/// An error that ends the reading of a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unframed {
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An impossible length: the next PDU cannot be found.
    #[error("a PDU says that it has {0} octets; from {HEADER} to {MAX_PDU} can be")]
    Length(u32),
}

pub(super) struct PduCodec(CommandCodec);

impl PduCodec {
    pub(super) fn new() -> Self {
        Self(CommandCodec::new())
    }
}

impl Decoder for PduCodec {
    type Item = Frame;
    type Error = Unframed;

    fn decode(&mut self, octets: &mut BytesMut) -> Result<Option<Frame>, Unframed> {
        let Some(said) = octets.first_chunk().map(|said| u32::from_be_bytes(*said)) else { return Ok(None) };
        // A PDU's length counts its own octets too (section 3.2).
        let length = usize::try_from(said).unwrap_or(usize::MAX);
        if !(HEADER..=MAX_PDU).contains(&length) {
            return Err(Unframed::Length(said));
        }
        if octets.len() < length {
            octets.reserve(length - octets.len());
            return Ok(None);
        }
        let mut pdu = octets.split_to(length).freeze();
        let [_, id, status, number] = [(); 4].map(|()| pdu.get_u32());
        Ok(Some(Frame { id, status, number, body: pdu }))
    }
}

impl Encoder<Command> for PduCodec {
    type Error = EncodeError;

    fn encode(&mut self, command: Command, octets: &mut BytesMut) -> Result<(), EncodeError> {
        self.0.encode(command, octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of this length, and the octets after it.
    fn pdu(length: u32, id: u32, number: u32, body: &[u8]) -> Vec<u8> {
        let header = [length, id, 0, number].map(u32::to_be_bytes);
        [&header.concat(), body].concat()
    }

    fn read(octets: &[u8]) -> Result<Vec<(u32, u32)>, String> {
        let (mut codec, mut octets, mut read) = (PduCodec::new(), BytesMut::from(octets), Vec::new());
        while let Some(frame) = codec.decode(&mut octets).map_err(|error| error.to_string())? {
            read.push((frame.id, frame.number));
        }
        Ok(read)
    }

    #[test]
    fn the_header_frames_whatever_the_body_holds() {
        let hidden = pdu(16, 0x15, 7, b"");
        for id in [0x8000_0008, id::DELIVER_SM, 0x8000_0004, 0xFFFF_FFFF, 0] {
            let first = pdu(32, id, 1, &hidden);
            let next = pdu(16, 0x15, 2, b"");
            assert_eq!(read(&[first, next].concat()), Ok(vec![(id, 1), (0x15, 2)]));
        }
    }

    #[test]
    fn lengths_that_cannot_be_end_the_session() {
        for length in [0, 3, 4, 15, 131_073, u32::MAX] {
            let error = format!("a PDU says that it has {length} octets; from 16 to 131072 can be");
            assert_eq!(read(&pdu(length, 0x15, 1, b"")), Err(error));
        }
        assert_eq!(read(&pdu(17, 0x15, 1, b"")), Ok(vec![]), "the rest is still to come");
        assert_eq!(read(&pdu(131_072, 0x15, 1, &vec![0; 131_056])), Ok(vec![(0x15, 1)]));
    }
}
