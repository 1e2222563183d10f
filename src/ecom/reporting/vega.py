"""Vega within a page, which then draws its charts without a network."""

from pathlib import Path
from string import Template
from typing import Final

from ecom.project.files import PLOTS_PAGE

BEGIN: Final = "<script>{ "  # of Vega, whose names are its own
END: Final = " }</script>"
# DVC writes its figures in place of {plot_divs}.
TEMPLATE: Final = Template(f"""<!doctype html>
<html lang="en">
<!-- The page of `dvc plots show`, written by `make docs`. Vega is BSD-3-Clause, vega.github.io. -->
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Plots of the pipeline</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 1rem; }}
  main {{ display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: start; }}
  main div, img {{ max-width: 100%; overflow-x: auto; }}
</style>
{BEGIN}$library{END}
<h1>Plots of the pipeline</h1>
<main>
{{plot_divs}}
</main>
</html>
""")


def plots_page() -> str:
    """Return the template of the page that ``dvc plots show`` and ``dvc plots diff`` write."""
    import vl_convert  # of the development environment: it is large

    return TEMPLATE.substitute(
        library=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    )


def vega_library(root: Path) -> str:
    """Return the JavaScript that defines ``vegaEmbed``, from the committed page of DVC's plots."""
    page = (root / PLOTS_PAGE).read_text(encoding="utf-8")
    return page[page.index(BEGIN) + len(BEGIN) : page.index(END)]
