"""Automatic segmentation: everything-mode, instance-mode, seeds and filters."""
