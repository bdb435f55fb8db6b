"""VTL: the Velocity Template Language, compiled to Python functions."""
