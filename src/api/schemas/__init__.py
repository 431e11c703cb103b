"""Models of bodies and answers: they document. What is decoded at run time is `api.commands`."""
