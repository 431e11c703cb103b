"""Making the views anew beside the live ones, comparing both, and exchanging them."""
