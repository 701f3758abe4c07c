// Reductions of arrays that lie as one run, in one pass: kernels/host/reduce.cu's rows or columns. Other layouts, and what
// is cut into slices, are left to arrays/native/reduce.py, which has the same plan for all of them.
#include "call.h"

namespace {
using namespace call;

const long STRIP = 64, ENOUGH = 16, SLICE = 32768;  // as in reduce.py

struct Reduction {
    Method method;
    Object* slow;
    Entry rows[2][KINDS], columns[2][KINDS];  // of the arrays' own dtype; wide: integers in 64 bits, half types in float
    int gives;       // the result's kind where it is not the arrays'
    bool has_dtype;  // f(x, dims, keepdim, dtype)
    bool divides;    // by how many there are
};

// The wider dtype that values of a kind are summed in.
int wide(int kind) { return kind >= BOOL_KIND ? LONG_KIND : kind < FLOAT_KIND ? FLOAT_KIND : -1; }

struct Plan {
    bool by_rows;
    long sizes[3];  // (segments, outputs, length) of rows, (outer, n, inner) of columns
    long along;     // what could be cut into slices
    long parts;     // that threads may share
};

// Takes the array's dimensions as runs that are reduced and kept in turn. False where they take more turns than kernels
// do, or where there are few outputs, each of so much that it is cut into slices.
bool plan_of(Plan& plan, const Array* x, unsigned reduced) {
    long sizes[4];
    bool kinds[4];
    int turns = 0;
    for (int d = 0; d < x->dims; d++) {
        const bool is_reduced = reduced >> d & 1;
        if (x->shape[d] == 1) continue;
        if (turns && kinds[turns - 1] == is_reduced) sizes[turns - 1] *= x->shape[d];
        else if (turns == 3) return false;
        else kinds[turns] = is_reduced, sizes[turns++] = x->shape[d];
    }
    if (turns == 0 || (turns == 1 && !kinds[0])) {  // each is its own sum
        sizes[0] = turns ? sizes[0] : 1, sizes[1] = 1;
        kinds[turns = 1] = true;
        turns = 2;
    }
    plan.by_rows = kinds[turns - 1];
    long* to = plan.sizes;
    for (int i = 0; i < 3 - turns; i++) *to++ = 1;
    for (int i = 0; i < turns; i++) *to++ = sizes[i];
    long thickness;
    if (plan.by_rows) {
        const long segments = plan.sizes[0], length = plan.sizes[2];
        plan.parts = plan.sizes[1];
        plan.along = segments > 1 ? segments : length;
        thickness = segments > 1 ? length : 1;
    } else {
        const long inner = plan.sizes[2];
        plan.parts = plan.sizes[0] * ((inner + STRIP - 1) / STRIP);
        plan.along = plan.sizes[1];
        thickness = inner < STRIP ? inner : STRIP;
    }
    return plan.parts >= ENOUGH || plan.along * thickness < 2 * SLICE;
}

Outcome reduce(const Reduction* reduction, Object* const* arguments, Object** out) {
    const Array* x = (Array*)arguments[0];
    Object* dims = arguments[1];
    if (!is_array(arguments[0]) || !is_plain(x) || x->dims > 8 || type_of(dims) != tuple_type) return LEFT;
    const int kind = kind_of(x->dtype);
    if (kind < 0 || type_of(arguments[2]) != bool_type) return LEFT;
    bool is_wide = false;
    int gives = reduction->gives < 0 ? kind : reduction->gives;
    if (reduction->has_dtype && arguments[3] != x->dtype) {
        gives = wide(kind), is_wide = true;
        if (gives < 0 || arguments[3] != dtypes[gives]) return LEFT;
    }
    unsigned reduced = 0;
    double count = 1;
    for (long i = 0, length = PyTuple_Size(dims); i < length; i++) {
        int overflow;
        const long long d = PyLong_AsLongLongAndOverflow(PyTuple_GetItem(dims, i), &overflow);
        if (d < 0 || d >= x->dims) return PyErr_Clear(), LEFT;
        reduced |= 1u << d;
        count *= x->shape[d];
    }
    const double size = size_of(x);
    Plan plan;
    if (!reduced || size == 0 || !plan_of(plan, x, reduced)) return LEFT;
    const Entry entry = (plan.by_rows ? reduction->rows : reduction->columns)[is_wide][kind];
    if (!entry) return LEFT;
    long shape[8];
    int kept = 0;
    for (int d = 0; d < x->dims; d++)
        if (!(reduced >> d & 1)) shape[kept++] = x->shape[d];
        else if (arguments[2] == True) shape[kept++] = 1;
    *out = new_array_of(gives, kept, shape);
    if (!*out) return FAILED;
    Packed packed;
    packed.add(x->data), packed.add((char*)nullptr), packed.add(((Array*)*out)->data), packed.add((char*)nullptr);
    packed.add(reduction->divides ? count : 1.0);
    for (long each : plan.sizes) packed.add((long long)each);
    packed.add((long long)plan.along);
    run({entry, packed.bytes, {(unsigned)shares(plan.parts, size), 1, 1}}, size, packed.size);
    return DONE;
}

Object* call_reduction(Object* self, Object* const* arguments, long count, Object* keywords) {
    const Reduction* reduction = (Reduction*)PyCapsule_GetPointer(self, nullptr);
    Object* out = nullptr;
    if (count == 3 + reduction->has_dtype && !keywords && reduce(reduction, arguments, &out) != LEFT) return out;
    return PyObject_Vectorcall(reduction->slow, arguments, (unsigned long)count, keywords);
}
}  // namespace

extern "C" {
Reduction* host_reduction(int gives, int has_dtype, int divides, Object* slow) {
    Reduction* reduction = new Reduction{{}, slow};
    reduction->gives = gives;
    reduction->has_dtype = has_dtype;
    reduction->divides = divides;
    Py_IncRef(slow);
    return reduction;
}

void host_reduction_entries(Reduction* reduction, int is_wide, int kind, void* rows, void* columns) {
    reduction->rows[is_wide][kind] = (Entry)rows;
    reduction->columns[is_wide][kind] = (Entry)columns;
}

Object* host_reduction_function(Reduction* reduction, const char* name, const char* documentation) {
    return function_over(reduction, reduction->method, name, documentation, call_reduction);
}
}
