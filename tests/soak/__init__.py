"""The service on bad networks: readers and writers while connections are forgotten, delayed, cut and redirected."""
