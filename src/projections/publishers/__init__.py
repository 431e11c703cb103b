"""Publishers: what the log says, told to those outside. They read the log and never write it."""
