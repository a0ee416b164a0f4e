"""MobileSAM: Segment Anything with a small image encoder."""
