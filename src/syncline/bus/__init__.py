"""Bus: messages between nodes. Wake-ups and unkept publications."""

from syncline.bus.local import LocalBus
from syncline.bus.port import Bus, Gap, Message

__all__ = ["Bus", "Gap", "LocalBus", "Message"]
