"""Messages to users: codes and invitations. Without a mail server they go to the log of a development server.

For: sign-up and recovery. Owns: the outbox (bounded) and the sending of mail.
Never: writes a code into the log of a server that is not for development.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections import deque
from email.message import EmailMessage

import msgspec

from syncline.core import Bounded, Clock, Meter
from syncline.core.settings import UserPools as Settings

OUTBOX_MAX = 1000
SHOWN_MAX = 200
"""Messages a development server keeps to be looked at."""
ATTEMPTS_MAX = 3
RETRY_SECONDS = 20.0
SMTP_SECONDS_MAX = 15.0


class Message(msgspec.Struct, frozen=True):
    """One message to one user. `medium` is EMAIL or SMS; `secret` is the code or password in it."""

    pool: str
    user: str
    medium: str
    to: str
    subject: str
    text: str
    secret: str


class Outbox:
    """Where messages leave."""

    def __init__(self, settings: Settings, clock: Clock, meter: Meter, *, development: bool) -> None:
        self._settings, self._clock, self._meter, self._development = settings, clock, meter, development
        self._waiting: Bounded[Message] = Bounded("userpools outbox", OUTBOX_MAX)
        self.sent: deque[Message] = deque(maxlen=SHOWN_MAX)
        self._count = meter.counter("syncline_userpools_messages_total")
        self._lost = meter.counter("syncline_userpools_messages_lost_total")

    def post(self, message: Message) -> None:
        """Have a message sent. Raises QueueFull."""
        self._count.add()
        if self._development:
            self.sent.append(message)
            self._meter.event(
                "user message",
                room="userpools",
                pool=message.pool,
                user=message.user,
                to=message.to,
                subject=message.subject,
                code=message.secret,
            )
        if self._settings.smtp_host and message.medium == "EMAIL":
            self._waiting.put(message)
        elif not self._development:
            self._note_lost(message, "no mail server is configured" if message.medium == "EMAIL" else "SMS is not sent")

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            for message in await self._waiting.take(most=10):
                await self._send(message)

    async def _send(self, message: Message) -> None:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                await asyncio.to_thread(deliver, self._settings, message)
            except (OSError, smtplib.SMTPException) as failure:
                if attempt == ATTEMPTS_MAX:
                    self._note_lost(message, f"{type(failure).__name__}: {failure}"[:300])
                    return
                await self._clock.sleep(RETRY_SECONDS * attempt)
            else:
                self._meter.event("user message sent", room="userpools", pool=message.pool, user=message.user)
                return

    def _note_lost(self, message: Message, reason: str) -> None:
        self._lost.add()
        self._meter.event("user message lost", room="userpools", pool=message.pool, user=message.user, reason=reason)


def deliver(settings: Settings, message: Message) -> None:
    """Hand one message to the mail server. Blocks. Raises OSError, SMTPException."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.smtp_from, message.to, message.subject
    mail.set_content(message.text)
    secure = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=SMTP_SECONDS_MAX, context=secure
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SMTP_SECONDS_MAX)
    with server:
        if settings.smtp_security == "starttls":
            server.starttls(context=secure)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
        server.send_message(mail)
