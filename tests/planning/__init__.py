"""Planning, without a database where there need be none."""
