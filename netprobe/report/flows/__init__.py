"""How a flow table is printed: for people as a table, for programs as CSV, JSON, JSON lines, Parquet or Arrow."""
