"""The napari face: planes, session, jobs and thin Qt views."""
