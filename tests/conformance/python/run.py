"""Runs the rows of Python. Not a place for rows: each family of libraries has a file of its own."""

import frame
import rows_django
import rows_flask
import rows_asgi
import rows_buckets
import rows_cluster
import rows_limits
import rows_logs
import rows_semaphores
import rows_throttled

FAMILIES = (rows_django, rows_flask, rows_asgi, rows_buckets, rows_limits, rows_logs, rows_throttled,
            rows_semaphores, rows_cluster)

if __name__ == "__main__":
    frame.main()
