import timm
import timm.optim
import torch
from common import data, filled, labels, trained

NAMES = """resnet10t resnet18 mobilenetv3_small_050 efficientnet_b0 convnext_atto vit_tiny_patch16_224 mixer_s32_224
regnetx_002"""


def readme():
    net = filled(timm.create_model("resnet18", pretrained=False, num_classes=5)).eval()
    features = filled(timm.create_model("resnet10t", pretrained=False, features_only=True)).eval()
    x = data(1, 3, 64, 64)
    return [net(x), features(x), net.forward_features(x), len(timm.list_models("resnet*")) > 10]


def model():
    # In float64: a batch norm of eight numbers makes much of the last bits.
    x, y, results = data(2, 3, 64, 64, dtype=torch.float64), labels(5, 2), {}
    for name in NAMES.split():
        sized = {"img_size": 64} if name.startswith(("vit", "mixer")) else {}
        net = filled(timm.create_model(name, pretrained=False, num_classes=5, **sized)).double()
        optimizer = timm.optim.create_optimizer_v2(net, opt="sgd", lr=1e-3, weight_decay=1e-2)
        result = trained(net, lambda m: torch.nn.functional.cross_entropy(m(x), y), optimizer)
        results[name] = [
            result["losses"],
            [g.norm() for g in result["gradients"]],
            [w.norm() for w in result["weights"]],
        ]
    return results
