"""The local driver: one process, one event loop."""

from __future__ import annotations

import asyncio
from collections import deque

from syncline.bus.port import Gap, Message

MESSAGES_MAX = 8192
"""What one subscriber may leave unread before it loses the oldest: ARCHITECTURE's first guess."""


class LocalBus:
    """Hands each message to the subscribers of its subject."""

    def __init__(self, messages_max: int = MESSAGES_MAX) -> None:
        self._messages_max = messages_max
        self._listeners: dict[str, list[LocalListening]] = {}

    def publish(self, subject: str, data: bytes) -> None:
        """See `Bus.publish`."""
        for listening in self._listeners.get(subject, ()):
            listening.deliver(Message(subject, data))

    def subscribe(self, subject: str) -> LocalListening:
        """See `Bus.subscribe`."""
        listening = LocalListening(self, subject, self._messages_max)
        self._listeners.setdefault(subject, []).append(listening)
        return listening

    def forget(self, listening: LocalListening) -> None:
        """End a subscription; without effect when it has ended."""
        left = [other for other in self._listeners.get(listening.subject, ()) if other is not listening]
        self._listeners[listening.subject] = left
        if not left:
            del self._listeners[listening.subject]


class LocalListening:
    """One subscriber's bounded queue."""

    def __init__(self, bus: LocalBus, subject: str, limit: int) -> None:
        self.subject = subject
        self._bus = bus
        self._limit = limit
        self._messages: deque[Message] = deque()
        self._lost = 0
        self._arrived = asyncio.Event()

    def deliver(self, message: Message) -> None:
        """Queue `message`; when the queue is full the oldest is lost, and counted."""
        if len(self._messages) >= self._limit:
            self._messages.popleft()
            self._lost += 1
        self._messages.append(message)
        self._arrived.set()

    def close(self) -> None:
        """Take part in no further message."""
        self._bus.forget(self)

    async def receive(self) -> Message | Gap:
        """See `Listening.receive`."""
        while True:
            if self._lost:
                lost, self._lost = self._lost, 0
                return Gap(lost)
            if self._messages:
                return self._messages.popleft()
            self._arrived.clear()
            await self._arrived.wait()
