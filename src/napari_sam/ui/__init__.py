"""The napari panel: a session, its tools, and thin Qt widgets that show them."""
