"""`baton explain`: one lead's story, from what each service knows of it."""
