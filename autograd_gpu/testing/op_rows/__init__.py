"""The op table's rows, one module per family. Knows samples and references; the checks are in op_checks."""
