"""What may happen to labels, without a window."""
