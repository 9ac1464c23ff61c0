"""The HTML pages, one module for each part of the work; each view makes one service call."""
