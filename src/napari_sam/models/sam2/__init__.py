"""SAM 2 and 2.1: images, and objects through slices and time."""
