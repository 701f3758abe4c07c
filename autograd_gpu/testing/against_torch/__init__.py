"""The same call in this library and in PyTorch, drawn at random: `python -m autograd_gpu.testing.against_torch`.

`arguments` writes tensors as source text, `calls` draws whole calls from the op table's rows and from `templates`,
`outcome` is what a call did in one library, `compare` what differs, `known` which differences are explained.
PyTorch is imported by `__main__` and by tests alone, so that nothing else of the package needs it.
"""
