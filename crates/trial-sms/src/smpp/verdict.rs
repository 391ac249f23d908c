//! What the message centre's answers mean.

use rusmpp::{Command, CommandStatus, Pdu};
use trial_core::GatewayReply;

/// The message's id, or why it was not taken. A negative answer is a definite one: the message centre has not taken the
/// message (section 4.4.2).
pub(super) fn of(answer: &Command) -> Result<Option<String>, GatewayReply> {
    match (answer.status(), answer.pdu()) {
        (CommandStatus::EsmeRok, Some(Pdu::SubmitSmResp(taken))) => {
            let id = taken.message_id().as_str();
            Ok((!id.is_empty()).then(|| id.to_owned()))
        }
        (CommandStatus::EsmeRok, _) => {
            Err(GatewayReply::Unknown { reason: "the answer cannot be understood".to_owned() })
        }
        (status, _) => Err(of_status(status)),
    }
}

/// Of a message that a part of is on its way, whatever became of the next.
pub(super) fn of_part(sent: usize, reply: &GatewayReply) -> GatewayReply {
    let said = reply.detail().unwrap_or_default();
    GatewayReply::Unknown { reason: format!("{sent} of its parts were taken, and the next: {said}") }
}

/// Those that are the message centre's own trouble, and not the message's.
fn of_status(status: CommandStatus) -> GatewayReply {
    let reason = name(status);
    match status {
        CommandStatus::EsmeRthrottled
        | CommandStatus::EsmeRmsgqful
        | CommandStatus::EsmeRsyserr
        | CommandStatus::EsmeRxTAppn => GatewayReply::Throttled { reason },
        _ => GatewayReply::Refused { reason },
    }
}

/// The status as the specification spells it, or its number.
pub(super) fn name(status: CommandStatus) -> String {
    match status {
        CommandStatus::Other(number) => format!("command_status 0x{number:08X}"),
        known => format!("{known:?}").to_ascii_uppercase().replacen("ESME", "ESME_", 1),
    }
}
