"""Facts as versioned bytes: CloudEvents documents, their chain, their schemas."""
