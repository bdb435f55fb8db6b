"""Mail through a real SMTP server: plain, with STARTTLS and TLS, with a login, and when it is away."""

from __future__ import annotations

import asyncio
import contextlib
import email
import io
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from syncline.core import Meter, SystemClock, SystemIds
from syncline.core.settings import UserPools
from syncline.edge import DevelopmentAuthority
from syncline.userpools import messages
from syncline.userpools.messages import Message, Outbox

MAIL = Message("pool", "ada", "EMAIL", "ada@example.com", "Your verification code", "Your code is 123456", "123456")


class Box:
    """What arrived, and over what."""

    def __init__(self) -> None:
        self.mails: list[email.message.Message] = []
        self.secure: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content))
        self.secure.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"


def authority(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A certificate for localhost, and where its authority's is."""
    made = DevelopmentAuthority(folder, SystemClock(), SystemIds(), ["localhost"])
    return made.context(), str(made.ca_path)


@asynccontextmanager
async def mail_server(box: Box, tls: ssl.SSLContext | None, *, implicit: bool, login: bool) -> AsyncIterator[int]:
    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = LoginPassword(b"syncline", b"mail-passw0rd")
        return AuthResult(success=data == right, handled=False)

    def made() -> SMTP:
        loop = asyncio.get_running_loop()
        if not login:
            return SMTP(box, loop=loop, tls_context=None if implicit else tls)
        return SMTP(
            box, loop=loop, tls_context=None if implicit else tls, authenticator=check, auth_required=True,
            auth_require_tls=not implicit,
        )  # fmt: skip

    server = await asyncio.get_running_loop().create_server(made, "localhost", 0, ssl=tls if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def sent(box: Box, log: io.StringIO, settings: UserPools, *, until: str) -> None:
    outbox = Outbox(settings, SystemClock(), Meter(out=log), development=False)
    outbox.post(MAIL)
    running = asyncio.get_running_loop().create_task(outbox.run())
    try:
        async with asyncio.timeout(10):
            while until not in log.getvalue():
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.mark.rule("UPL-21")
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
async def test_a_code_arrives_by_mail(tmp_path: Path, security: str, monkeypatch: pytest.MonkeyPatch) -> None:
    box, log = Box(), io.StringIO()
    tls, ca = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", ca)
    secure = security != "none"
    async with mail_server(box, tls if secure else None, implicit=security == "tls", login=secure) as port:
        login = {"smtp_user": "syncline", "smtp_password": "mail-passw0rd"} if secure else {}
        settings = UserPools(
            smtp_host="localhost", smtp_port=port, smtp_security=security, smtp_from="app@example.com", **login
        )
        await sent(box, log, settings, until="user message sent")
    [mail] = box.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == ("app@example.com", MAIL.to, MAIL.subject)
    assert str(mail.get_payload()).strip() == MAIL.text
    assert box.secure == [secure]
    assert MAIL.secret not in log.getvalue()


@pytest.mark.rule("UPL-21")
@pytest.mark.parametrize("wrong", ["certificate", "password", "away"])
async def test_mail_goes_only_to_the_server_it_is_for(
    tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "RETRY_SECONDS", 0.01)
    box, log = Box(), io.StringIO()
    tls, ca = authority(tmp_path)
    if wrong != "certificate":
        monkeypatch.setenv("SSL_CERT_FILE", ca)
    async with mail_server(box, tls, implicit=False, login=True) as port:
        settings = UserPools(
            smtp_host="localhost",
            smtp_port=1 if wrong == "away" else port,
            smtp_user="syncline",
            smtp_password="wrong" if wrong == "password" else "mail-passw0rd",
        )
        await sent(box, log, settings, until="user message lost")
    assert box.mails == []
    assert "mail-passw0rd" not in log.getvalue()
