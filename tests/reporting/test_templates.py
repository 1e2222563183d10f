"""What is put into a page is text, and what is missing is an error."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from ecom.reporting.templates import html_template, own_markup


def test_what_a_page_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        html_template("drift.html").render()


def test_texts_are_escaped_and_own_files_are_not() -> None:
    environment = html_template("page.html").environment

    page = environment.from_string("{{ text }}{{ style }}").render(
        text="<b>", style=own_markup("page.css")
    )

    assert page.startswith("&lt;b&gt;:root {")
    assert isinstance(own_markup("page.js"), Markup)
