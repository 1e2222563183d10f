"""Vega within a page, which then draws its charts without a network."""

from string import Template
from typing import Final

# DVC writes its figures in place of {plot_divs}.
PLOTS_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<!-- The page of `dvc plots show`, written by `make docs`. Vega is BSD-3-Clause, vega.github.io. -->
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Plots of the pipeline</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem; }
  main { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: start; }
  main div, img { max-width: 100%; overflow-x: auto; }
</style>
<script>{ $library }</script>
<h1>Plots of the pipeline</h1>
<main>
{plot_divs}
</main>
</html>
""")


def vega_library() -> str:
    """Return the JavaScript that defines ``vegaEmbed``."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def plots_page() -> str:
    """Return the template of the page that ``dvc plots show`` and ``dvc plots diff`` write."""
    return PLOTS_PAGE.substitute(library=vega_library())
