"""Models: the zoo, fetching, and one file per family of checkpoints."""
