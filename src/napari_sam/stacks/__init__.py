"""Objects through slices and frames: carried, interpolated, joined to volumes, linked to tracks."""
