"""A mail server by aiosmtpd, for the tests.

Configured by one line of JSON on standard input: `mode` ("plain", "starttls" or "tls"), `certificate` and `key` (files, for
TLS), `user` and `password` (AUTH is demanded where they are given). Prints a line of JSON for its port and for each mail that
it took. Each further line of input says how it behaves from now on, and is echoed. Ends with its standard input.
"""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(**what):
    print(json.dumps(what), flush=True)


class Mailbox:
    behaviour = "accept"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.behaviour == "refuse-for-now":
            return f"451 4.3.0 <{address}>: try again later"
        if self.behaviour == "refuse-for-good":
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        say(
            sender=envelope.mail_from,
            recipients=envelope.rcpt_tos,
            content=base64.b64encode(envelope.content).decode(),
            is_encrypted=session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            user=session.auth_data.decode() if session.auth_data else None,
        )
        return "250 2.0.0 taken"


def authenticator(user, password):
    def authenticate(server, session, envelope, mechanism, data):
        is_known = data.login.decode() == user and data.password.decode() == password
        return AuthResult(success=is_known, handled=False, auth_data=data.login)

    return authenticate


async def main():
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    settings = json.loads(await lines.readline())
    context = None
    if settings["mode"] != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings["certificate"], settings["key"])
    mailbox = Mailbox()
    options = {"hostname": "aiosmtpd.example"}
    if settings["mode"] == "starttls":
        options.update(tls_context=context, require_starttls=True)
    if settings.get("user"):
        options.update(
            auth_required=True,
            # Where all is TLS, there is no other moment to demand it.
            auth_require_tls=settings["mode"] == "starttls",
            authenticator=authenticator(settings["user"], settings["password"]),
        )
    server = await loop.create_server(
        lambda: SMTP(mailbox, **options),
        "127.0.0.1",
        0,
        ssl=context if settings["mode"] == "tls" else None,
    )
    say(port=server.sockets[0].getsockname()[1])
    while line := await lines.readline():
        mailbox.behaviour = json.loads(line)
        say(behaviour=mailbox.behaviour)


asyncio.run(main())
