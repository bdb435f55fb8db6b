"""Edge: http, https, ws and wss on one port; bytes to requests and messages, with limits that have names."""

from syncline.edge.listener import Listener
from syncline.edge.tls import CertificateUnusable, DevelopmentAuthority, OwnCertificate

__all__ = ["CertificateUnusable", "DevelopmentAuthority", "Listener", "OwnCertificate"]
