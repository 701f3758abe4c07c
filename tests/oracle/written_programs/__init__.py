"""Small programs in the manner of those that people write for PyTorch, with unusual but legal calls. Each is a function
of the library and of a source of numbers, and returns what is compared."""
