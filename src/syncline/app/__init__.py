"""App: settings → rooms → a running server; the command line."""
