"""Bus: messages between nodes. Wake-ups and unkept publications."""

from syncline.bus.local import LocalBus, LocalListening
from syncline.bus.port import Bus, Gap, Listening, Message

__all__ = ["Bus", "Gap", "Listening", "LocalBus", "LocalListening", "Message"]
