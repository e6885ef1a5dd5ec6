"""From the case to the report: what is said, why, and what stands behind it."""
