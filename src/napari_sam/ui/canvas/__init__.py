"""What is drawn on napari's canvas, and what the mouse and the keys do there."""
