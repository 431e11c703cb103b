"""Logs and snapshot stores: Kafka for a fleet, SQLite for one machine, one contract for both."""
