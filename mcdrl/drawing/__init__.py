"""Charts, plots and overlays, for the report and for people."""
