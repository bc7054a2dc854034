"""Charts, plots, overlays, tables and the frame of a page: for the report, and for any page that a command writes."""
