"""Pages from templates: what is put into one is text, unless it is said to be markup."""

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup


def html_template(name: str) -> Template:
    """Return a template of this folder."""
    environment = Environment(
        loader=PackageLoader("ecom", "reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def own_markup(name: str) -> Markup:
    """Return a file of this folder as it is, such as a style sheet."""
    return Markup(files("ecom.reporting").joinpath(name).read_text(encoding="utf-8"))  # noqa: S704  our own file
