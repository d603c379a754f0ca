"""A sweep on two Dask workers beside the same sweep on one."""
