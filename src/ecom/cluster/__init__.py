"""Work on several machines, by Dask: a scheduler, and workers that compute as this process does."""
