from common import data, labels, mlp, trained
from pytorch_metric_learning import distances, losses, miners, reducers, regularizers


def readme():
    embeddings, y = data(12, 5), labels(3, 12)
    pairs = miners.MultiSimilarityMiner()(embeddings, y)
    loss = losses.TripletMarginLoss(
        distance=distances.CosineSimilarity(),
        reducer=reducers.ThresholdReducer(high=0.3),
        embedding_regularizer=regularizers.LpRegularizer(),
    )
    return [losses.TripletMarginLoss()(embeddings, y), *pairs, losses.TripletMarginLoss()(embeddings, y, pairs),
            loss(embeddings, y)]  # fmt: skip


def model():
    x, y = data(12, 6), labels(3, 12)
    terms = [
        losses.ContrastiveLoss(),
        losses.NTXentLoss(),
        losses.SupConLoss(),
        losses.CircleLoss(),
        losses.MultiSimilarityLoss(),
        losses.NPairsLoss(),
        losses.LiftedStructureLoss(),
        losses.GeneralizedLiftedStructureLoss(),
        losses.FastAPLoss(),
    ]
    miner = miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard")

    def loss(net):
        embeddings = net(x)
        mined = losses.TripletMarginLoss()(embeddings, y, miner(embeddings, y))
        return sum(term(embeddings, y) for term in terms) / 10 + mined

    return trained(mlp(6, 16, 8), loss)
