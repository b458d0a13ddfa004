"""One trading node, hosted in a Jupyter kernel of its own that takes no code."""
