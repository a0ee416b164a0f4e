"""Segment Anything: checkpoints, fast exact encoding and decoding, 8-bit products, ONNX."""
