"""A folder a page: the page itself, its controls, tables and charts, its styles and scripts."""
