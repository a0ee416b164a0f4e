"""HQ-SAM: Segment Anything with a mask token that also sees an early layer of the encoder."""
