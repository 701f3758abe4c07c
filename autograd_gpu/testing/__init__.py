"""How the library is proved: gradients against differences, the op table and its checks, the emulated GPU.

Its parts are imported by name (``autograd_gpu.testing.op_table``); importing this page loads none of them.
"""
