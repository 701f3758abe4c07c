"""Calls of nn.functional, over many combinations of arguments, as a program would write them.

F is the library's nn.functional, T the library. n(*shape) is a leaf of normal numbers, u(*shape) one of numbers between
0 and 1, c and d are the same as constants; k(below, *shape) are integers, s(*shape) signs, m(*shape) a mask.
"""

from itertools import product

DIMS = (1, 2, 3)
LENGTHS = {1: "7", 2: "6, 5", 3: "4, 5, 3"}
EVEN = {1: "6", 2: "6, 4", 3: "4, 2, 4"}
EDGES = ("'reflect'", "mode='replicate'", "mode='circular'")
REDUCTIONS = ("mean", "sum", "none")


def each(call: str, **options: tuple) -> list[str]:
    """The call with every combination of the options, each written in place of its name in braces."""
    return [call.format(**dict(zip(options, chosen))) for chosen in product(*options.values())]


def losses(name: str, arguments: str, *options: str) -> list[str]:
    """A loss with each set of further options and each reduction."""
    return [
        f"F.{name}({arguments}, {o}reduction='{r}')" for o in ("", *(f"{o}, " for o in options)) for r in REDUCTIONS
    ]


ACTIVATIONS = [
    *each(
        "F.{name}({x})",
        name=(
            "relu relu6 elu selu celu leaky_relu gelu silu mish sigmoid tanh logsigmoid softplus softsign hardtanh "
            "hardsigmoid hardswish hardshrink softshrink tanhshrink"
        ).split(),  # type: ignore[arg-type]
        x=("n(3, 5)", "n() * 3", "n(2, 3, 4).transpose(0, 2) * 4"),
    ),
    *each(
        "F.{name}(n(3, 5) * 3, inplace={flag})",
        name="relu relu6 elu selu celu leaky_relu silu mish hardtanh hardsigmoid hardswish rrelu".split(),  # type: ignore[arg-type]
        flag=("True", "False"),
    ),
    *each("F.{name}(n(3, 5) * 3)", name="relu_ elu_ selu_ celu_ leaky_relu_ hardtanh_ rrelu_".split()),  # type: ignore[arg-type]
    *each("F.elu(n(3, 5) * 2, {a})", a=("0.5", "alpha=2.0", "1.3, True")),
    "F.elu_(n(3, 5) * 2, 0.7)",
    *each("F.celu(n(3, 5) * 2, {a})", a=("0.5", "alpha=2.0")),
    "F.celu_(n(3, 5) * 2, 0.5)",
    *each("F.leaky_relu(n(3, 5), {a})", a=("0.2", "negative_slope=-0.5")),
    "F.leaky_relu_(n(3, 5) * 1, 0.7)",
    *each("F.hardtanh(n(3, 5), {a})", a=("-0.5, 0.2", "min_val=0.1, max_val=3.0")),
    "F.hardtanh_(n(3, 5) * 1, -0.2, 0.3)",
    "F.hardtanh(k(9, 5), 2, 5)",
    "F.relu6(k(9, 5))",
    *each("F.softplus(n(3, 5) * 9, {a})", a=("2", "0.5, 3", "beta=3, threshold=5")),
    *each("F.{name}(n(3, 5), {a})", name=("hardshrink", "softshrink"), a=("0.1", "lambd=1.0", "0")),
    *each("F.threshold(n(3, 5), {a})", a=("0.1, 2.0", "threshold=-0.5, value=-1.0")),
    *each("F.threshold{u}(n(3, 5) * 1, 0.1, 2.0)", u=("", "_")),
    "F.threshold(k(9, 5), 3, 7)",
    *each("F.gelu(n(3, 5) * 3, approximate='{a}')", a=("none", "tanh")),
    *each("F.prelu({a})", a=("n(3, 5), n(5)", "n(3, 5), n(1)", "n(2, 3, 4), n(3)", "n(4), n(1)", "n(), n(1)")),
    *each("F.rrelu(n(3, 5), {a})", a=("0.1, 0.3", "lower=0.2, upper=0.2, training=True")),
    *each("F.glu({a})", a=("n(3, 4)", "n(4, 3), 0", "n(2, 6, 3), dim=1")),
    *each(
        "F.{name}(n(2, 3, 4), dim={dim}{dtype})",
        name=("softmax", "log_softmax", "softmin"),
        dim=(0, 1, -1),
        dtype=("", ", dtype=T.float64"),
    ),
]

LAYERS = [
    *each("F.linear({a})", a=("n(2, 3), n(4, 3)", "n(2, 5, 3), n(4, 3), n(4)", "n(3), n(4, 3), n(4)", "n(3), n(3)")),
    *each("F.bilinear({a})", a=("n(2, 3), n(2, 4), n(5, 3, 4)", "n(2, 1, 3), n(2, 1, 4), n(5, 3, 4), n(5)")),
    *each("F.embedding(k(5, {shape}), n(5, 3), {a})", shape=("2, 3", "4", ""), a=("", "1", "padding_idx=-2")),
    *each("F.embedding(k(5, 4), n(5, 3) * 1, {a})", a=("scale_grad_by_freq=True", "2, scale_grad_by_freq=True")),
    *each("F.embedding(k(5, 4), c(5, 3), max_norm={a})", a=("1.0", "1.5, norm_type=1.0")),
    *each(
        "F.embedding_bag(k(5, 2, 4), n(5, 3), mode='{mode}'{pad})",
        mode=("sum", "mean", "max"),
        pad=("", ", padding_idx=1", ", padding_idx=-1"),
    ),
    *each(
        "F.embedding_bag(k(5, 6), n(5, 3), T.tensor([{offsets}]), mode='{mode}', include_last_offset={last}{pad})",
        offsets=("0, 2, 6", "0, 0, 3, 6"),
        mode=("sum", "mean", "max"),
        last=(True, False),
        pad=("", ", padding_idx=1"),
    ),
    *each(
        "F.embedding_bag(k(5, 2, 4), n(5, 3), {a})",
        a=("mode='sum', per_sample_weights=n(2, 4)", "scale_grad_by_freq=True"),
    ),
    "F.embedding_bag(k(5, 6), n(5, 3), T.tensor([0, 4]), mode='sum', per_sample_weights=n(6), padding_idx=2)",
    "F.embedding_bag(k(5, 2, 4), c(5, 3), max_norm=1.0)",
    *each("F.one_hot(k(4, {shape}), {n})", shape=("3", "2, 3"), n=("-1", "4", "num_classes=6")),
    *each(
        "F.{name}(n(2, 3, 4{more}), {p})",
        name=("dropout", "alpha_dropout", "feature_alpha_dropout", "dropout3d"),
        more=("", ", 2"),
        p=("0.5, False", "0.0, training=True", "p=1.0, training=True"),
    ),
    *each("F.dropout1d(n({shape}), {p})", shape=("2, 3, 4", "3, 4"), p=("0.5, False", "0.0", "p=1.0")),
    *each("F.dropout2d(n(2, 3, 4, 2), {p})", p=("0.5, False", "0.0", "p=1.0")),
    *each(
        "F.scaled_dot_product_attention(n(2, 2, 3, 4), n(2, 2, 5, 4), n(2, 2, 5, 6), {a})",
        a=("", "m(3, 5)", "n(3, 5)", "is_causal=True", "scale=0.3", "attn_mask=m(2, 1, 3, 5)"),
    ),
    "F.scaled_dot_product_attention(n(2, 4, 3, 4), n(2, 2, 5, 4), n(2, 2, 5, 4), enable_gqa=True)",
    *each(
        "F.multi_head_attention_forward(n(3, 2, 4), n(5, 2, 4), n(5, 2, 4), 4, 2, n(12, 4), n(12), {more}, 0.0, n(4, "
        "4), n(4), {a})",
        more=("None, None, False", "n(1, 1, 4), n(1, 1, 4), True"),
        a=("", "need_weights=False", "average_attn_weights=False", "attn_mask=n(3, 5)", "key_padding_mask=n(2, 5)"),
    ),
    "F.multi_head_attention_forward(n(3, 4), n(5, 6), n(5, 7), 4, 2, None, None, None, None, False, 0.0, n(4, 4), "
    "None, use_separate_proj_weight=True, q_proj_weight=n(4, 4), k_proj_weight=n(4, 6), v_proj_weight=n(4, 7))",
]

CONVOLUTIONS = [
    call
    for dims in DIMS
    for call in (
        *each(
            f"F.conv{dims}d(n(2, 4, {LENGTHS[dims]}), n(6, {{kept}}, {', '.join(['2'] * dims)}), n(6), {{a}}, "
            f"groups={{groups}})",
            kept=("4",),
            a=("1", "2", "stride=2, padding=1", "1, 2, 2", "padding='same'", "padding='valid', dilation=2"),
            groups=(1,),
        ),
        f"F.conv{dims}d(n(2, 4, {LENGTHS[dims]}), n(6, 2, {', '.join(['3'] * dims)}), groups=2)",
        f"F.conv{dims}d(n(4, {LENGTHS[dims]}), n(4, 1, {', '.join(['2'] * dims)}), n(4), groups=4, padding=1)",
        *each(
            f"F.conv_transpose{dims}d(n(2, 4, {LENGTHS[dims]}), n(4, 3, {', '.join(['2'] * dims)}), n(3), {{a}})",
            a=("", "2", "stride=2, padding=1", "stride=3, output_padding=1", "dilation=2, padding=1"),
        ),
        f"F.conv_transpose{dims}d(n(4, {LENGTHS[dims]}), n(4, 3, {', '.join(['3'] * dims)}), groups=2)",
    )
] + [
    *each("F.conv_tbc(n(5, 2, 3), n(2, 3, 4), n(4), {pad})", pad=("0", "pad=2")),
    *each("F.unfold(n(2, 3, 5, 6), {a})", a=("2", "(2, 3), 1, 1, 2", "3, dilation=2, padding=(2, 1)")),
    "F.unfold(n(3, 5, 6), 2)",
    *each("F.fold(n(2, 8, 6), {a})", a=("(3, 4), 2", "output_size=(4, 3), kernel_size=2")),
    "F.fold(n(2, 6, 9), (4, 5), (2, 3), 1, 1, 2)",
]

POOLS = [
    call
    for dims in DIMS
    for call in (
        *each(
            f"F.max_pool{dims}d(n({{batch}}3, {LENGTHS[dims]}), {{a}}, ceil_mode={{up}}, return_indices={{places}})",
            batch=("2, ", ""),
            a=("2", "2, 1", "3, stride=2, padding=1", "2, 1, 0, dilation=2"),
            up=(True, False),
            places=(True, False),
        ),
        f"F.max_pool{dims}d_with_indices(n(2, 3, {LENGTHS[dims]}), 2, 1)",
        *each(
            f"F.avg_pool{dims}d(n({{batch}}3, {LENGTHS[dims]}), {{a}}, ceil_mode={{up}}, count_include_pad={{pad}})",
            batch=("2, ", ""),
            a=("2", "2, 1", "3, stride=2, padding=1"),
            up=(True, False),
            pad=(True, False),
        ),
        *each(
            f"F.lp_pool{dims}d(u(2, 3, {LENGTHS[dims]}), {{p}}, 2, {{a}})",
            p=("1", "2", "3.5", "float('inf')"),
            a=("", "1", "2, True"),
        ),
        *each(
            f"F.adaptive_{{kind}}_pool{dims}d(n({{batch}}3, {LENGTHS[dims]}), {{size}})",
            kind=("avg", "max"),
            batch=("2, ", ""),
            size=("1", "2", "3"),
        ),
        f"F.adaptive_max_pool{dims}d(n(2, 3, {LENGTHS[dims]}), 2, True)",
        f"F.adaptive_max_pool{dims}d_with_indices(n(2, 3, {LENGTHS[dims]}), 3)",
        *each(
            f"F.max_unpool{dims}d(*F.max_pool{dims}d(n({{batch}}3, {EVEN[dims]}), {{a}}, return_indices=True), {{a}})",
            batch=("2, ", ""),
            a=("2", "2, 2"),  # windows apart: of a place written twice PyTorch passes its gradient back twice
        ),
    )
] + [
    "F.avg_pool2d(n(2, 3, 6, 5), 2, divisor_override=3)",
    "F.avg_pool3d(n(2, 3, 4, 5, 3), 2, divisor_override=3)",
    *each(
        "F.adaptive_{kind}_pool2d(n(2, 3, 6, 5), {size})",
        kind=("avg", "max"),
        size=("(2, None)", "(None, 3)", "(4, 1)"),
    ),
    "F.max_unpool2d(*F.max_pool2d(n(2, 3, 6, 5), 2, return_indices=True), 2, output_size=(2, 3, 6, 5))",
    *each(
        "F.fractional_max_pool2d{where}(n(2, 3, 6, 5), {a}, _random_samples=d(2, 3, 2))",
        where=("", "_with_indices"),
        a=("2, 3", "(2, 1), output_size=(3, 4)", "2, output_ratio=(0.5, 0.6)", "2, 3, None, True"),
    ),
    *each(
        "F.fractional_max_pool3d{where}(n(1, 3, 6, 5, 4), {a}, _random_samples=d(1, 3, 3))",
        where=("", "_with_indices"),
        a=("2, 2", "(2, 1, 1), output_size=(3, 4, 2)", "2, output_ratio=(0.5, 0.6, 0.5)"),
    ),
]

NORMS = [
    *each(
        "F.layer_norm(n(2, 3, 4), {a})",
        a=("(4,)", "(3, 4), n(3, 4), n(3, 4)", "[4], n(4), eps=0.1", "(4,), None, n(4)"),
    ),
    *each("F.rms_norm(n(2, 3, 4), {a})", a=("(4,)", "(3, 4), n(3, 4)", "[4], n(4), eps=0.1")),
    *each(
        "F.batch_norm(n({shape}), {a})",
        shape=("4, 3", "2, 3, 4", "2, 3, 2, 2"),
        a=(
            "c(3), d(3)",
            "c(3), d(3), n(3), n(3)",
            "c(3), d(3), n(3), n(3), True, 0.3",
            "None, None, training=True, eps=0.1",
        ),
    ),
    *each(
        "F.instance_norm(n({shape}), {a})",
        shape=("2, 3, 4", "2, 3, 2, 2"),
        a=("", "weight=n(3), bias=n(3), eps=0.1", "c(3), d(3), n(3), n(3), False", "c(3), d(3), momentum=0.5"),
    ),
    *each("F.group_norm(n(2, 4, 3), {a})", a=("2", "4, n(4), n(4)", "1, n(4), eps=0.1")),
    *each(
        "F.local_response_norm(n({shape}), {a})",
        shape=("2, 5, 4", "2, 5, 2, 3", "2, 5, 2, 3, 1"),
        a=("3", "2, 0.3, 0.5, 2.0"),
    ),
    *each("F.normalize(n(3, 4), {a})", a=("", "1.0", "p=3.0, dim=0", "dim=(0, 1)", "float('inf'), eps=9.0")),
    *each("F.cosine_similarity(n(3, 4), n(3, 4), {a})", a=("", "0", "dim=-1, eps=9.0")),
    "F.cosine_similarity(n(3, 1, 4), n(2, 4), dim=-1)",
    *each(
        "F.pairwise_distance(n(3, 4), n(3, 4), {a})",
        a=("", "1.0", "p=3.0, eps=0.1", "float('inf'), keepdim=True"),
    ),
    *each("F.normalize(n(2, 3) * T.tensor([[0.0], [1.0]]), {p})", p=("0.5", "1.0", "1.5", "2", "3.0")),
    *each("F.pdist(n(1, 3).expand(3, 3), {p})", p=("1.0", "2", "3.0", "float('inf')")),
    *each("F.pdist(n(4, 3), {p})", p=("", "1.0", "p=3.0", "float('inf')")),
]

PICTURES = [
    *each(
        "F.interpolate(n(2, 3, {shape}), {to}, mode='{mode}')",
        shape=("5", "5, 4", "3, 4, 2"),
        to=(
            "7",
            "scale_factor=2",
            "scale_factor=1.7",
            "scale_factor=0.6",
            "scale_factor=1.7, recompute_scale_factor=True",
        ),
        mode=("nearest", "nearest-exact", "area"),
    ),
    *(
        call
        for mode, shape in (("linear", "5"), ("bilinear", "5, 4"), ("bicubic", "5, 4"), ("trilinear", "3, 4, 2"))
        for call in each(
            f"F.interpolate(n(2, 3, {shape}), {{to}}, mode='{mode}', align_corners={{corners}})",
            to=(
                "7",
                "scale_factor=2",
                "scale_factor=1.7",
                "scale_factor=0.6",
                "scale_factor=1.7, recompute_scale_factor=True",
            ),
            corners=(True, False, None),
        )
    ),
    *each(
        "F.interpolate(n(2, 3, 7, 6), {to}, mode='{mode}', align_corners={corners}, antialias=True)",
        to=("3", "(9, 4)", "scale_factor=0.4"),
        mode=("bilinear", "bicubic"),
        corners=(True, False),
    ),
    *each("F.upsample(n(2, 3, 4, 5), {a})", a=("7", "scale_factor=2, mode='bilinear', align_corners=True")),
    *each("F.upsample_{mode}(n(2, 3, 4, 5), {a})", mode=("nearest", "bilinear"), a=("7", "scale_factor=2", "(3, 9)")),
    *each("F.pad(n(2, 3, 4, 5), {pad}, value=1.5)", pad=("(1, 2)", "(1, 0, 2, 1)", "(-1, 2)")),
    *each("F.pad(n({shape}), {pad}, {how})", shape=("3, 4", "2, 3, 4"), pad=("(1, 2)", "(0, 3)", "(-1, 2)"), how=EDGES),
    *each(
        "F.pad(n({shape}), {pad}, {how})",
        shape=("3, 4, 5", "2, 3, 4, 5"),
        pad=("(1, 0, 2, 1)", "(-1, 1, 0, 2)"),
        how=EDGES,
    ),
    *each("F.pad(n(2, 3, 4, 5, 3), (1, 0, 2, 1, 1, 1), {how})", how=EDGES),
    *each("F.pad(n(2, 3), {pad})", pad=("(1, 1, 0, 2)", "(-1, 0)", "(0, 0)")),
    *each("F.pixel_{way}(n({shape}), 2)", way=("shuffle", "unshuffle"), shape=("2, 4, 4, 6", "8, 2, 2")),
    *each("F.channel_shuffle(n({shape}), {groups})", shape=("2, 6, 3", "1, 6, 2, 2"), groups=(1, 2, 3)),
    *each("F.affine_grid(n(2, 2, 3), (2, 1, 3, 4), {a})", a=("True", "align_corners=False")),
    *each("F.affine_grid(n(1, 3, 4), (1, 1, 3, 2, 4), {a})", a=("True", "align_corners=False")),
    *each(
        "F.grid_sample(n(2, 3, 4, 5), n(2, 3, 2, 2) * {reach}, '{mode}', '{padding}', align_corners={corners})",
        reach=("0.5", "3"),
        mode=("bilinear", "nearest", "bicubic"),
        padding=("zeros", "border", "reflection"),
        corners=(True, False),
    ),
    *each(
        "F.grid_sample(n(1, 2, 3, 4, 2), n(1, 2, 3, 2, 3) * 1.5, '{mode}', '{padding}', align_corners={corners})",
        mode=("bilinear", "nearest"),
        padding=("zeros", "border", "reflection"),
        corners=(True, False),
    ),
]

LOSSES = [
    *losses("mse_loss", "n(3, 4), n(3, 4)", "weight=d(3, 4)"),
    *losses("l1_loss", "n(3, 4), n(3, 4)", "weight=d(3, 4)"),
    *each("F.{name}(n(3, 4), n(3, 4), {a})", name=("mse_loss", "l1_loss"), a=("False", "None, False", "True, True")),
    "F.mse_loss(n(3, 1), n(4))",
    *losses("huber_loss", "n(3, 4), n(3, 4)", "delta=0.3", "delta=0.5, weight=d(3, 4)"),
    *losses("smooth_l1_loss", "n(3, 4), n(3, 4)", "beta=0.3", "beta=0.0"),
    *losses("binary_cross_entropy", "u(3, 4), u(3, 4)", "weight=d(4)"),
    *losses(
        "binary_cross_entropy_with_logits",
        "n(3, 4), d(3, 4)",
        "weight=d(4)",
        "pos_weight=d(4)",
        "weight=d(3, 1), pos_weight=d(4)",
    ),
    *losses("soft_margin_loss", "n(3, 4), s(3, 4)"),
    *losses("kl_div", "n(3, 4), u(3, 4)", "log_target=True"),
    "F.kl_div(n(3, 4), u(3, 4), reduction='batchmean')",
    *losses("poisson_nll_loss", "u(3, 4), d(3, 4) * 5", "full=True", "log_input=False", "False, True, eps=0.1"),
    *losses("gaussian_nll_loss", "n(3, 4), n(3, 4), u(3, 4)", "full=True", "eps=0.5"),
    *each("F.gaussian_nll_loss(n(3, 4), n(3, 4), {var})", var=("u(3)", "u(3, 1)", "0.5")),
    *losses("hinge_embedding_loss", "n(3, 4), s(3, 4)", "margin=0.3"),
    *losses("margin_ranking_loss", "n(3, 4), n(3, 4), s(3, 4)", "margin=0.3"),
    *losses("cosine_embedding_loss", "n(3, 4), n(3, 4), s(3)", "margin=0.3"),
    "F.cosine_embedding_loss(n(4), n(4), s())",
    *losses(
        "triplet_margin_loss", "n(3, 4), n(3, 4), n(3, 4)", "margin=5.0", "p=1.0, eps=0.1", "margin=5.0, swap=True"
    ),
    *losses("triplet_margin_with_distance_loss", "n(3, 4), n(3, 4), n(3, 4)", "margin=5.0, swap=True"),
    "F.triplet_margin_with_distance_loss(n(3, 4), n(3, 4), n(3, 4), distance_function=lambda a, b: (a - "
    "b).abs().sum(-1))",
    *losses("multi_margin_loss", "n(3, 4), k(4, 3)", "p=2", "margin=0.5, weight=d(4)", "2, 0.7, d(4)"),
    "F.multi_margin_loss(n(4), k(4))",
    *losses("multilabel_margin_loss", "n(2, 4), T.tensor([[3, 0, -1, 1], [2, 1, 0, 3]])"),
    "F.multilabel_margin_loss(n(4), T.tensor([3, -1, 0, 0]))",
    *losses("multilabel_soft_margin_loss", "n(3, 4), d(3, 4)", "weight=d(4)"),
    *losses("nll_loss", "n(3, 4), k(4, 3)", "weight=d(4)", "ignore_index=1", "weight=d(4), ignore_index=0"),
    *losses("nll_loss", "n(2, 4, 3), k(4, 2, 3)", "weight=d(4)"),
    "F.nll_loss(n(4), k(4))",
    *losses(
        "cross_entropy",
        "n(3, 4), k(4, 3)",
        "weight=d(4)",
        "ignore_index=1",
        "label_smoothing=0.2",
        "weight=d(4), ignore_index=1, label_smoothing=0.2",
    ),
    *losses("cross_entropy", "n(2, 4, 3), k(4, 2, 3)", "weight=d(4), label_smoothing=0.1"),
    *losses("cross_entropy", "n(3, 4), u(3, 4)", "weight=d(4)", "label_smoothing=0.1"),
    *losses("cross_entropy", "n(2, 4, 3), u(2, 4, 3)"),
    "F.cross_entropy(n(4), k(4))",
    *losses(
        "ctc_loss",
        "n(7, 2, 5).log_softmax(-1), T.tensor([[1, 1, 4], [2, 3, 3]]), (7, 5), (3, 2)",
        "blank=0",
        "zero_infinity=True",
    ),
    *losses("ctc_loss", "n(7, 2, 5).log_softmax(-1), T.tensor([1, 1, 2]), T.tensor([7, 5]), T.tensor([2, 1]), blank=3"),
    *losses("ctc_loss", "n(3, 2, 5).log_softmax(-1), T.tensor([[1, 1], [2, 3]]), (2, 0), (2, 2), zero_infinity=True"),
    *losses("ctc_loss", "n(6, 5).log_softmax(-1), T.tensor([1, 2]), (6,), (2,)"),
]

CALLS = [*ACTIVATIONS, *LAYERS, *CONVOLUTIONS, *POOLS, *NORMS, *PICTURES, *LOSSES]
