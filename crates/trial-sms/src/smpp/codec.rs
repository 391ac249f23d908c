//! PDUs one by one. rusmpp leaves what stands behind the fields that it knows of a PDU for the next one; here each is read
//! within its own octets, so that what a message centre adds is not taken for a request.

use std::io::{Error, ErrorKind};

use rusmpp::Command;
use rusmpp::tokio_codec::{CommandCodec, EncodeError};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// The longest PDU that is read, in octets.
const MAX_PDU: usize = 64 * 1024;

pub(super) struct PduCodec {
    frames: LengthDelimitedCodec,
    commands: CommandCodec,
}

impl PduCodec {
    pub(super) fn new() -> Self {
        // A PDU's length counts its own octets too (section 3.2).
        let frames = LengthDelimitedCodec::builder()
            .length_field_type::<u32>()
            .num_skip(0)
            .max_frame_length(MAX_PDU)
            .new_codec();
        Self { frames, commands: CommandCodec::new() }
    }
}

impl Decoder for PduCodec {
    type Item = Command;
    type Error = Error;

    fn decode(&mut self, octets: &mut BytesMut) -> Result<Option<Command>, Error> {
        let Some(mut pdu) = self.frames.decode(octets)? else { return Ok(None) };
        let command = self.commands.decode(&mut pdu).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        command.map(Some).ok_or_else(|| Error::new(ErrorKind::InvalidData, "a PDU is shorter than its header"))
    }
}

impl Encoder<Command> for PduCodec {
    type Error = EncodeError;

    fn encode(&mut self, command: Command, octets: &mut BytesMut) -> Result<(), EncodeError> {
        self.commands.encode(command, octets)
    }
}

#[cfg(test)]
mod tests {
    use rusmpp::CommandId;

    use super::*;

    /// A header of this length, and what is behind it.
    fn pdu(length: u32, id: u32, number: u32, body: &[u8]) -> Vec<u8> {
        let header = [length, id, 0, number].map(u32::to_be_bytes);
        [&header.concat(), body].concat()
    }

    fn read(octets: &[u8]) -> Result<Vec<(CommandId, u32)>, ErrorKind> {
        let (mut codec, mut octets, mut read) = (PduCodec::new(), BytesMut::from(octets), Vec::new());
        while let Some(command) = codec.decode(&mut octets).map_err(|error| error.kind())? {
            read.push((command.id(), command.sequence_number()));
        }
        Ok(read)
    }

    #[test]
    fn what_stands_behind_the_fields_of_a_pdu_is_no_pdu() {
        let hidden = pdu(16, 0x15, 7, b"");
        let first = pdu(32, 0x8000_0008, 1, &hidden);
        let next = pdu(16, 0x15, 2, b"");
        let expected = vec![(CommandId::CancelSmResp, 1), (CommandId::EnquireLink, 2)];
        assert_eq!(read(&[first, next].concat()), Ok(expected));
    }

    #[test]
    fn lengths_that_cannot_be_end_the_session() {
        for length in [0, 3, 4, 15, 65_537, u32::MAX] {
            assert_eq!(read(&pdu(length, 0x15, 1, b"")), Err(ErrorKind::InvalidData), "{length}");
        }
        assert_eq!(read(&pdu(17, 0x15, 1, b"")), Ok(vec![]), "the rest is still to come");
    }
}
