"""Charts, drawn on the server: numbers to SVG. No framework, no styles of their own, no script.

Widths are percentages, so that a chart is as wide as its place and its text as large as the page's. Colours
are classes of the style sheet. Each has a title and a description; its numbers stand in a table beside it.
"""
