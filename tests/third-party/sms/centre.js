// A message centre by the npm package `smpp`. Prints one line of JSON for each thing that happens, first of all its port, and
// ends when its standard input does.
//
// A message that has "throttle me" in it is throttled; of every other a receipt is sent, and its answer printed. Of every second one
// it stands in message_payload, in UCS-2.
'use strict';

const smpp = require('smpp');

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const receiptText = (id) => {
  const day = '2611221000';
  return `id:${id} sub:001 dlvrd:001 submit date:${day} done date:${day} stat:DELIVRD err:000 text:`;
};

let messages = 0;

const server = smpp.createServer((session) => {
  // The other side may go away at any time.
  session.on('error', () => {});
  const bind = (pdu) => {
    const known = pdu.system_id === 'trialgate' && pdu.password === 'secret';
    say({ bind: pdu.command, system_id: pdu.system_id, version: pdu.interface_version, known });
    session.send(pdu.response({ command_status: known ? 0 : smpp.ESME_RBINDFAIL, system_id: 'centre' }));
  };
  session.on('bind_transceiver', bind);
  session.on('bind_transmitter', bind);
  session.on('bind_receiver', bind);
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    session.close();
  });
  session.on('submit_sm', (pdu) => {
    messages += 1;
    const id = `m${messages}`;
    const text = pdu.short_message.message;
    const udh = pdu.short_message.udh ? pdu.short_message.udh.map((part) => part.toString('hex')).join('') : null;
    say({ to: pdu.destination_addr, from: pdu.source_addr, coding: pdu.data_coding, text, udh, id });
    if (text.includes('throttle me')) {
      session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
      return;
    }
    session.send(pdu.response({ message_id: id }));
    const receipt = { source_addr: pdu.destination_addr, esm_class: 4 };
    if (messages % 2 === 1) {
      receipt.short_message = receiptText(id);
    } else {
      Object.assign(receipt, { data_coding: 8, message_payload: receiptText(id) });
    }
    session.deliver_sm(receipt, (answer) => say({ receipt: id, status: answer.command_status }));
  });
});

server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
