import torch
import torchmetrics
from common import data, labels, mlp, trained
from torchmetrics.functional import image, pairwise_cosine_similarity, pearson_corrcoef


def readme():
    metric = torchmetrics.classification.Accuracy(task="multiclass", num_classes=5)
    batches = []
    for i in range(3):
        predictions = data(10, 5, seed=i).softmax(dim=-1)
        batches.append(metric(predictions, labels(5, 10, seed=i)))
    return batches, metric.compute()


def model():
    p, y = data(20, 4).softmax(-1), labels(4, 20)
    q, z = torch.sigmoid(data(20)), labels(2, 20)
    c = torchmetrics.classification
    many = torchmetrics.MetricCollection([
        c.MulticlassF1Score(4), c.MulticlassConfusionMatrix(4), c.MulticlassAUROC(4), c.MulticlassAveragePrecision(4),
        c.MulticlassCohenKappa(4), c.MulticlassMatthewsCorrCoef(4), c.MulticlassCalibrationError(4),
    ])  # fmt: skip
    binary = torchmetrics.MetricCollection([
        c.BinaryAUROC(), c.BinaryROC(thresholds=5), c.BinaryPrecisionRecallCurve(thresholds=5), c.BinaryStatScores(),
    ])  # fmt: skip
    many.update(p, y)
    binary.update(q, z)
    a, b = data(20), data(20, seed=1)
    reals = [
        kind()(a, b)
        for kind in (
            torchmetrics.MeanSquaredError, torchmetrics.R2Score, torchmetrics.SpearmanCorrCoef,
            torchmetrics.KendallRankCorrCoef,
            torchmetrics.ExplainedVariance, torchmetrics.MeanAbsolutePercentageError, torchmetrics.ConcordanceCorrCoef,
        )
    ]  # fmt: skip
    x = data(16, 4)
    net = trained(
        mlp(4, 8, 4), lambda m: -pairwise_cosine_similarity(m(x), x).trace() - pearson_corrcoef(m(x)[:, 0], x[:, 0])
    )
    u, v = torch.sigmoid(data(1, 3, 32, 32)), torch.sigmoid(data(1, 3, 32, 32, seed=1))
    images = [image.peak_signal_noise_ratio(u, v, data_range=1.0), image.structural_similarity_index_measure(u, v),
              image.total_variation(u), image.spectral_angle_mapper(u, v)]  # fmt: skip
    texts = [torchmetrics.functional.text.word_error_rate(["a b c"], ["a x c"]),
             torchmetrics.functional.text.bleu_score(["the cat is on the mat"], [["a cat is on the mat"]])]  # fmt: skip
    aggregated = torchmetrics.MeanMetric()
    aggregated.update(a, weight=b.abs())
    return many.compute(), binary.compute(), reals, net, images, texts, aggregated.compute()
