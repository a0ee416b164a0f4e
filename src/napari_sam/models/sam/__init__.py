"""Fast exact encoding and decoding, the embedding cache, tiles."""
