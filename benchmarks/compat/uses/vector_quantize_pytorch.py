import torch
from common import data, filled, trained
from vector_quantize_pytorch import FSQ, LFQ, ResidualVQ, VectorQuantize


def readme():
    quantizer = VectorQuantize(dim=8, codebook_size=16, decay=0.8, commitment_weight=1.0)
    residual = ResidualVQ(dim=8, num_quantizers=3, codebook_size=16)
    x = data(1, 32, 8)
    return quantizer(x), residual(x), FSQ(levels=[8, 5, 5, 5])(data(1, 16, 4)), quantizer(x)


class AutoEncoder(torch.nn.Module):
    def __init__(self, quantizer):
        super().__init__()
        self.encoder, self.quantizer, self.decoder = torch.nn.Linear(6, 4), quantizer, torch.nn.Linear(4, 6)

    def forward(self, x):
        quantized, _, *loss = self.quantizer(self.encoder(x))
        return self.decoder(quantized), sum(loss) if loss else 0


def model():
    x = data(2, 12, 6)

    def loss(m):
        y, extra = m(x)
        return (y - x).square().mean() + 0.1 * extra

    quantizers = [
        VectorQuantize(dim=4, codebook_size=8, use_cosine_sim=True),
        VectorQuantize(dim=4, codebook_size=8, learnable_codebook=True, ema_update=False),
        FSQ(levels=[8, 5, 5, 5]),
        LFQ(dim=4, codebook_size=16, entropy_loss_weight=0.1, diversity_gamma=1.0),
    ]
    return [trained(filled(AutoEncoder(quantizer)), loss) for quantizer in quantizers]
