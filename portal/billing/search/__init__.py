"""Looking for anything of billing by what one has at hand."""
