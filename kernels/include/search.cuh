// Finding a place among sorted keys.
#pragma once

// The first place in the sorted keys that is not below `key`.
__device__ inline int lower_bound(const int* keys, int n, long long key) {
    int low = 0;
    while (n > 0) {
        int half = n / 2;
        if (keys[low + half] < key) low += half + 1, n -= half + 1;
        else n = half;
    }
    return low;
}
