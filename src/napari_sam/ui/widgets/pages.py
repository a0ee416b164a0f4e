"""The pages of the panel, a row for each: what it does, and how it looks."""

from __future__ import annotations

from typing import NamedTuple

from napari_sam.ui.tools.click import Click
from napari_sam.ui.tools.find import Find
from napari_sam.ui.tools.review import Review
from napari_sam.ui.tools.teach import Teach
from napari_sam.ui.tools.tool import Tool
from napari_sam.ui.widgets.click_page import ClickPage
from napari_sam.ui.widgets.find_page import FindPage
from napari_sam.ui.widgets.page import Page
from napari_sam.ui.widgets.review_page import ReviewPage
from napari_sam.ui.widgets.teach_page import TeachPage


class Row(NamedTuple):
    """A page: its tool, which has a name, a title and keys, and its widget."""

    tool: type[Tool]
    page: type[Page]


#: In the order of their buttons.
ROWS: list[Row] = [
    Row(Click, ClickPage),
    Row(Find, FindPage),
    Row(Review, ReviewPage),
    Row(Teach, TeachPage),
]
