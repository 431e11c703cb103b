"""An independent check of what clients were told against what the log says."""
