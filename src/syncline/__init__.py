"""Syncline: a self-hosted real-time data sync server that speaks AWS AppSync."""

__version__ = "0.1.0"
__all__ = ["__version__"]
