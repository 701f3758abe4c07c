import torch
from common import data, filled, trained
from pytorch_msssim import MS_SSIM, SSIM, ms_ssim, ssim


def images(seed, size=176):
    return 255 * torch.sigmoid(data(2, 3, size, size, seed=seed))


def readme():
    x, y = images(0), images(0) * 0.9 + images(1) * 0.1
    return [
        ssim(x, y, data_range=255, size_average=False),
        ms_ssim(x, y, data_range=255, size_average=False),
        1 - ssim(x, y, data_range=255, size_average=True),
        ssim(x, y, data_range=255, size_average=False, nonnegative_ssim=True),
        SSIM(data_range=255, size_average=True, channel=3)(x, y),
        MS_SSIM(data_range=255, size_average=True, channel=3)(x, y),
    ]


def model():
    target = images(0, 24) / 255
    net = filled(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Conv2d(4, 3, 3, padding=1)))
    measure = SSIM(data_range=1.0, channel=3)
    return trained(net, lambda m: 1 - measure(torch.sigmoid(m(target)), target))
