"""What the `mcdrl` commands do; no part of the DAG."""
