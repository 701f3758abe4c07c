"""Expressions where we and PyTorch part, and why. A test holds each to be a difference still."""

OTHER_NAME = "the node has the name of the operation that we record"
KINDER = "we do what PyTorch refuses"

DIFFERENCES = {
    "x // 2": KINDER + ": the gradient of a rounded quotient is zero",
    "x.scatter(1, i[:3].reshape(3, 1), y)": KINDER + ": a source larger than its index has a gradient",
    "x.scatter_add(0, i[:3].reshape(1, 3), y)": KINDER + ": a source larger than its index has a gradient",
    "x.softmax(1, dtype=T.float32)": "we cast before the softmax, PyTorch within it: the last digits differ",
    "(c @ c.mT).grad_fn.name()": OTHER_NAME,
    "T.heaviside(x, y)": KINDER + ": a step has no gradient, which is no reason to refuse it",
}
