"""EdgeTAM: SAM 2 with a small image encoder and a smaller memory."""
