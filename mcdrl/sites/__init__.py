"""From a site's folder to its usable frames: which file is what, and what is refused, with the reason."""
