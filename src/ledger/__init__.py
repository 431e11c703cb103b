"""The write side: what is true."""
