"""The embedded model: a small network of SAM's architecture for cells."""
