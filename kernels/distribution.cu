// Numbers of discrete distributions out of uniform ones, by inversion in the order mode, mode + 1, mode - 1, mode + 2, ...
// (Kemp & Kemp 1991): as many steps as the distribution is wide. What rounding leaves over is the mode's.
#include "map.cuh"

// growth(k) is the weight of k + 1 in weights of k, decline(k) that of k - 1.
template <class Growth, class Decline>
__device__ inline double from_mode(double u, double mode, double weight, Growth growth, Decline decline) {
    double left = u - weight, above = mode, below = mode, above_weight = weight, below_weight = weight;
    if (left < 0) return mode;
    while (above_weight + below_weight > 1e-18) {
        above_weight *= growth(above);
        above += 1;
        if ((left -= above_weight) < 0) return above;
        below_weight *= below > 0 ? decline(below) : 0;
        below -= 1;
        if ((left -= below_weight) < 0) return below;
    }
    return mode;
}

__device__ inline double times_log(double x, double y) { return x == 0 ? 0 : x * log(y); }

__device__ inline double poisson(double u, double rate) {
    double mode = floor(rate), weight = exp(times_log(mode, rate) - rate - lgamma(mode + 1));
    return from_mode(u, mode, weight, [=](double k) { return rate / (k + 1); }, [=](double k) { return k / rate; });
}

__device__ inline double binomial(double u, double count, double probability) {
    double failure = 1 - probability, odds = probability / failure;
    double mode = fmin(floor((count + 1) * probability), count);
    double choices = lgamma(count + 1) - lgamma(mode + 1) - lgamma(count - mode + 1);
    double weight = exp(choices + times_log(mode, probability) + times_log(count - mode, failure));
    return from_mode(u, mode, weight, [=](double k) { return (count - k) * odds / (k + 1); },
                     [=](double k) { return k / ((count - k + 1) * odds); });
}

extern "C" __global__ void poisson_from(double* y, long long n, Layout<3> layout, const double* u, const double* rate) {
    map<SLOW>([](double u, double rate) { return poisson(u, rate); }, y, n, layout, Operand<double, 1>{u, 0},
              Operand<double, 2>{rate, 0});
}

extern "C" __global__ void binomial_from(double* y, long long n, Layout<4> layout, const double* u, const double* count,
                                         const double* probability) {
    map<SLOW>([](double u, double count, double probability) { return binomial(u, count, probability); }, y, n, layout,
              Operand<double, 1>{u, 0}, Operand<double, 2>{count, 0}, Operand<double, 3>{probability, 0});
}
