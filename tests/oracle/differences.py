"""Expressions where we and PyTorch part, and why. A test holds each to be a difference still."""

NOT_THERE = "there is no such function yet"
OTHER_NAME = "the node has the name of the operation that we record"
OTHER_ERROR = "we refuse it too, with another exception type"
KINDER = "we do what PyTorch refuses"

DIFFERENCES = {
    "x // 2": KINDER + ": the gradient of a rounded quotient is zero",
    "x & 1": OTHER_ERROR,
    "x.clamp()": OTHER_ERROR,
    "x.round(decimals=1)": "round takes no decimals yet",
    "x.view(T.float32)": "a view has its base's element size",
    "T.cat([])": OTHER_ERROR,
    "x.type(T.float16)": NOT_THERE,
    "x[1.5]": OTHER_ERROR,
    "x.index_select(0, i.float())": OTHER_ERROR,
    "x.scatter(1, i[:3].reshape(3, 1), y)": KINDER + ": a source larger than its index has a gradient",
    "x.scatter_add(0, i[:3].reshape(1, 3), y)": KINDER + ": a source larger than its index has a gradient",
    "x.softmax(1, dtype=T.float32)": "we cast before the softmax, PyTorch within it: the last digits differ",
    "T.tensor(None)": OTHER_ERROR,
    "(c @ c.mT).grad_fn.name()": OTHER_NAME,
    "T.stack([x, y]).grad_fn.name()": OTHER_NAME,
    "F.cross_entropy(x, i[:3]).grad_fn.name()": OTHER_NAME,
    "x.masked_fill(m, 0).grad_fn.name()": OTHER_NAME,
    "T.autograd.grad(x.sum(), [])": OTHER_ERROR,
    "T.heaviside(x, y)": KINDER + ": a step has no gradient, which is no reason to refuse it",
}
