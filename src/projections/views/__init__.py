"""One file a read model: what facts do to its tables, and the queries over them."""
