"""The report to look at: one page that opens offline."""
