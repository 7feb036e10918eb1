"""Ray and storage: the machines of a sweep, what runs on them, where a run is kept, and ready files to start them."""
