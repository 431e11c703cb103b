"""The HTTP side: requests in, answers and problems out."""
