"""Git, DVC and the paths of the project. Nothing outside this package knows them."""
