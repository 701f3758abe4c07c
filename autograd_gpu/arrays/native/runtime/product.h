// Products of matrices, for call.cpp.
#pragma once

#include "python.h"

// out = x @ y, or x @ y transposed where it is flipped, and bias added to its rows where there is one; all of float or
// double (`width` 4 or 8), dimensions before the last two alike. False where BLAS does not take them as they lie.
bool product_into(Array* out, const Array* x, const Array* y, bool flipped, const Array* bias, long width);
