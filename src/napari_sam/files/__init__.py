"""Image files: pixels with their axes and pixel size; labels written in one piece or not at all."""

from napari_sam.files.atomic import in_one_piece, try_folder
from napari_sam.files.kinds import IMAGE_SUFFIXES, PICTURE_SUFFIXES, TIFF_SUFFIXES
from napari_sam.files.labels import read_labels, write_labels
from napari_sam.files.ngff_labels import labels_inside, write_labels_inside
from napari_sam.files.pictures import write_picture
from napari_sam.files.raw import FileImage
from napari_sam.files.reading import images_in, read_image
from napari_sam.files.signature import SOFTWARE, made_here

__all__ = [
    "IMAGE_SUFFIXES",
    "PICTURE_SUFFIXES",
    "SOFTWARE",
    "TIFF_SUFFIXES",
    "FileImage",
    "images_in",
    "in_one_piece",
    "labels_inside",
    "made_here",
    "read_image",
    "read_labels",
    "try_folder",
    "write_labels",
    "write_labels_inside",
    "write_picture",
]
