// From a Python call to a kernel's blocks: functions of Python's that look into arrays themselves, pack the arguments as
// a launch on a GPU would, and give up the interpreter's lock where the work is worth it. What is not plain (a dtype whose
// kernel is not loaded yet, a result that overlaps its operand) is left to a function written in Python.
#include "call.h"

#include "layout.h"
#include "product.h"

namespace {
// NumPy's PyArray_NewFromDescr and PyArray_SetBaseObject.
Object* (*new_array)(Object* type, Object* dtype, int dims, const long* shape, const long* strides, void* data, int flags,
                     Object* like);
int (*set_base)(Object* array, Object* base);

// Work in elements, weighted by what one costs: where threads begin to pay (SHARED_FROM in runtime.py),
// and where giving the interpreter's lock up and taking it again costs nothing to speak of.
long shared_from, released_from;

const long MOST_SHARES = 32;  // enough that threads which are late or slow leave some to the others (rows.py)
}  // namespace

namespace call {
Object *None, *True, *array_type, *float_type, *int_type, *bool_type, *bytes_type, *tuple_type, *dtypes[KINDS], *fault_type;

int kind_of(const Object* dtype) {
    for (int kind = 0; kind < KINDS; kind++)
        if (dtypes[kind] == dtype) return kind;
    return -1;
}

Object* new_array_of(int kind, int dims, const long* shape) {
    Py_IncRef(dtypes[kind]);
    return new_array(array_type, dtypes[kind], dims, shape, nullptr, nullptr, 0, nullptr);
}

bool number(Object* object, double& real, long long& whole, bool& is_real) {
    Object* type = type_of(object);
    if (type == float_type) {
        real = PyFloat_AsDouble(object);
        is_real = true;
        return true;
    }
    is_real = false;
    if (type != int_type && type != bool_type) return false;
    int overflow;
    whole = PyLong_AsLongLongAndOverflow(object, &overflow);
    real = (double)whole;
    return !overflow;
}

long shares(long rows, double work) { return work < shared_from ? 1 : rows < MOST_SHARES ? rows : MOST_SHARES; }

bool run(const Launch& launch, double work, long bytes) {
    int fault;
    if (host::recording) host::record(launch, bytes, work < shared_from ? host::ALONE : host::SHARED);
    if (work < released_from) fault = host::run_alone(launch);
    else {
        void* state = PyEval_SaveThread();
        fault = work < shared_from ? host::run_alone(launch) : host::run_shared(launch);
        PyEval_RestoreThread(state);
    }
    if (fault) PyErr_SetString(fault_type, "index out of range in self");
    return !fault;
}
}  // namespace call

namespace {
using namespace call;

// What becomes of a number that the dtype does not hold: it is left to Python, or Python has seen to it already.
enum Numbers { OF_THE_DTYPE, COMPARED, ANY };

// A number as the kernel of a dtype computes with it. False leaves it to Python.
bool add_number(Packed& packed, Object* object, int kind, Numbers numbers) {
    double real;
    long long whole;
    bool is_real;
    if (!number(object, real, whole, is_real)) return false;
    if (kind < BOOL_KIND) {
        if (numbers == COMPARED && kind < 2) return false;  // rounded to the half type first
        return kind == 3 ? packed.add(real) : packed.add((float)real);
    }
    if (is_real) return false;
    static const long long lowest[] = {0, 0, -128, -32768, -2147483648ll}, highest[] = {1, 255, 127, 32767, 2147483647};
    if (kind == KINDS - 1) return packed.add(whole);
    if (numbers != ANY ? whole < lowest[kind - BOOL_KIND] || whole > highest[kind - BOOL_KIND] : whole != (int)whole)
        return false;
    return packed.add((int)whole);
}

void add_zero(Packed& packed, int kind) {
    if (kind == 3) packed.add(0.0);
    else if (kind < BOOL_KIND) packed.add(0.0f);
    else if (kind == KINDS - 1) packed.add(0ll);
    else packed.add(0);
}

// ---- a kernel that is launched with a grid and its arguments

struct Kernel {
    Method method;
    Entry entry;
    char letters[64];  // P pointer, i I q f d number, s bytes
};

// kernel(grid, work, *arguments): an argument a letter.
Object* launch_kernel(Object* self, Object* const* arguments, long count, Object* keywords) {
    Kernel* kernel = (Kernel*)PyCapsule_GetPointer(self, nullptr);
    long letters = (long)strlen(kernel->letters);
    if (count != letters + 2 || keywords) {
        PyErr_SetString(fault_type, "a kernel takes its grid, its work and an argument a letter of its format");
        return nullptr;
    }
    Launch launch{kernel->entry, nullptr, {1, 1, 1}};
    int overflow;
    if (type_of(arguments[0]) == int_type) launch.grid[0] = (unsigned)PyLong_AsLongLongAndOverflow(arguments[0], &overflow);
    else
        for (long i = 0, axes = PyTuple_Size(arguments[0]); i < axes && i < 3; i++)
            launch.grid[i] = (unsigned)PyLong_AsLongLongAndOverflow(PyTuple_GetItem(arguments[0], i), &overflow);
    double work = PyFloat_AsDouble(arguments[1]);
    Packed packed;
    bool fits = true;
    for (long i = 0; i < letters && fits; i++) {
        Object* argument = arguments[i + 2];
        char letter = kernel->letters[i];
        if (letter == 'P') {
            if (argument == None) fits = packed.add((char*)nullptr);
            else if (type_of(argument) == bytes_type) {
                if (host::recording) host::keep(argument);
                fits = packed.add(PyBytes_AsString(argument));
            }
            else if (is_array(argument)) fits = packed.add(((Array*)argument)->data);
            else fits = packed.add((char*)PyLong_AsLongLongAndOverflow(argument, &overflow));
        } else if (letter == 's') fits = packed.add(PyBytes_AsString(argument), PyBytes_Size(argument));
        else if (letter == 'f') fits = packed.add((float)PyFloat_AsDouble(argument));
        else if (letter == 'd') fits = packed.add(PyFloat_AsDouble(argument));
        else if (letter == 'q') fits = packed.add(PyLong_AsLongLongAndOverflow(argument, &overflow));
        else fits = packed.add((int)PyLong_AsLongLongAndOverflow(argument, &overflow));
    }
    if (PyErr_Occurred()) return nullptr;
    if (!fits) {
        PyErr_SetString(fault_type, "a kernel's arguments take more than 4096 bytes");
        return nullptr;
    }
    launch.arguments = packed.bytes;
    if (!run(launch, work, packed.size)) return nullptr;
    Py_IncRef(None);
    return None;
}

// ---- out[i] = f(operands[i]...): kernels built on kernels/include/map.cuh

struct Map {
    Method method, into_method;
    Entry entries[KINDS];
    Object* slow;            // the function written in Python
    char operands[16];       // a array, b array or number, c array of bools, n number, o number or None
    int gives;               // the result's kind where it is not the operands'
    bool compares;
    double cost;             // of an element, the addition of two floats being 1
};

bool has_shape(const Array* x, const Array* like) {
    return x->dims == like->dims && x->flags & ALIGNED && memcmp(x->shape, like->shape, x->dims * sizeof(long)) == 0;
}

// Whether memory is shared otherwise than element by element: what is written would be read later.
bool overlaps(const Array* out, int out_kind, const Array* x, int kind) {
    long ends[2][2];
    const Array* both[] = {out, x};
    for (int i = 0; i < 2; i++) {
        long low = (long)both[i]->data, high = low + WIDTHS[i ? kind : out_kind];
        for (int d = 0; d < both[i]->dims; d++) {
            long reach = (both[i]->shape[d] - 1) * both[i]->strides[d];
            (reach < 0 ? low : high) += reach;
        }
        ends[i][0] = low, ends[i][1] = high;
    }
    if (ends[0][1] <= ends[1][0] || ends[1][1] <= ends[0][0]) return false;
    return out->data != x->data || out_kind != kind || memcmp(out->strides, x->strides, out->dims * sizeof(long)) != 0;
}

// Leaves out alone unless DONE or FAILED.
Outcome run_map(const Map* map, Array* out, Object* const* operands, int kind, Numbers numbers) {
    const int out_kind = map->gives >= 0 ? map->gives : kind;
    Operand arrays[MAX_ARRAYS] = {{out->strides, WIDTHS[out_kind]}};
    int count = 1;
    bool flat = out->flags & C_CONTIGUOUS;
    for (int i = 0; map->operands[i]; i++) {
        const char letter = map->operands[i];
        if (letter > 'c') continue;
        Operand& array = arrays[count++];
        array = {nullptr, 1};
        if (!is_array(operands[i])) continue;
        const Array* x = (Array*)operands[i];
        array = {x->strides, WIDTHS[letter == 'c' ? BOOL_KIND : kind]};
        flat = flat && x->flags & C_CONTIGUOUS;
    }
    const long size = size_of(out);
    if (size == 0) return DONE;
    Packed packed;
    packed.add(out->data);
    packed.add((long long)size);
    if (flat) packed.add(nullptr, 8 + MAX_DIMS * (sizeof(Divisor) + 8 * count));
    else {
        long bytes = write_layout(packed.bytes + packed.size, out->dims, out->shape, arrays, count);
        if (!bytes) return LEFT;
        packed.size += bytes;
    }
    for (int i = 0; map->operands[i]; i++) {
        Object* operand = operands[i];
        const char letter = map->operands[i];
        const bool given = is_array(operand);
        if (letter <= 'c') packed.add(given ? ((Array*)operand)->data : nullptr);
        if (letter == 'o') packed.add((int)(operand != None));
        if (letter == 'a' || letter == 'c') continue;
        if (given || operand == None) add_zero(packed, kind);
        else if (!add_number(packed, operand, kind, numbers)) return LEFT;
    }
    Launch launch{map->entries[kind], packed.bytes, {1, 1, 1}};
    const double work = size * map->cost;
    if (work >= shared_from) launch.grid[0] = (unsigned)(size / 8192 > 1 ? size / 8192 : 2);
    return run(launch, work, packed.size) ? DONE : FAILED;
}

// The dtype's number where all operands are arrays of one dtype that a kernel is loaded for, and numbers; else -1.
int common_kind(const Map* map, Object* const* operands, Array** like) {
    int kind = -1;
    *like = nullptr;
    for (int i = 0; map->operands[i]; i++) {
        char letter = map->operands[i];
        if (letter > 'c') continue;
        if (!is_array(operands[i])) {
            if (letter != 'b') return -1;
            continue;
        }
        Array* x = (Array*)operands[i];
        if (letter == 'c') {
            if (x->dtype != dtypes[BOOL_KIND]) return -1;
        } else if (kind < 0) kind = kind_of(x->dtype);
        else if (x->dtype != dtypes[kind]) return -1;
        if (letter != 'c' && kind < 0) return -1;
        if (!*like) *like = x;
    }
    return kind >= 0 && map->entries[kind] ? kind : -1;
}

Object* leave(const Map* map, Object* const* arguments, long count, Object* keywords) {
    if (host::recording) host::record_left();
    return PyObject_Vectorcall(map->slow, arguments, (unsigned long)count, keywords);
}

// f(*operands, out=None)
Object* call_map(Object* self, Object* const* arguments, long count, Object* keywords) {
    Map* map = (Map*)PyCapsule_GetPointer(self, nullptr);
    long wanted = (long)strlen(map->operands), given = count + (keywords ? PyTuple_Size(keywords) : 0);
    if (count < wanted || given > wanted + 1) return leave(map, arguments, count, keywords);
    Array* like;
    int kind = common_kind(map, arguments, &like);
    if (kind < 0) return leave(map, arguments, count, keywords);
    for (int i = 0; i < wanted; i++)
        if (is_array(arguments[i]) && !has_shape((Array*)arguments[i], like)) return leave(map, arguments, count, keywords);
    const int out_kind = map->gives >= 0 ? map->gives : kind;
    Object* out = given > wanted ? arguments[wanted] : None;
    if (out == None) {
        out = new_array_of(out_kind, like->dims, like->shape);
        if (!out) return nullptr;
    } else {
        Array* into = (Array*)out;
        if (!is_array(out) || into->dtype != dtypes[out_kind] || !has_shape(into, like) || !(into->flags & WRITEABLE))
            return leave(map, arguments, count, keywords);
        for (int i = 0; i < wanted; i++)
            if (is_array(arguments[i]) &&
                overlaps(into, out_kind, (Array*)arguments[i], map->operands[i] == 'c' ? BOOL_KIND : kind))
                return leave(map, arguments, count, keywords);
        Py_IncRef(out);
    }
    Outcome outcome = run_map(map, (Array*)out, arguments, kind, map->compares ? COMPARED : OF_THE_DTYPE);
    if (outcome == DONE) return out;
    Py_DecRef(out);
    return outcome == FAILED ? nullptr : leave(map, arguments, count, keywords);
}

// f.into(out, *operands) -> whether it ran: what Python has looked through, and numbers as the kernel takes them.
Object* call_map_into(Object* self, Object* const* arguments, long, Object*) {
    Map* map = (Map*)PyCapsule_GetPointer(self, nullptr);
    Array* like;
    int kind = common_kind(map, arguments + 1, &like);
    if (kind < 0) return PyErr_SetString(fault_type, "no kernel is loaded for these operands"), nullptr;
    Outcome outcome = run_map(map, (Array*)arguments[0], arguments + 1, kind, ANY);
    if (outcome == FAILED) return nullptr;
    Object* answer = outcome == DONE ? True : None;
    Py_IncRef(answer);
    return answer;
}

// ---- products

struct Product {
    Method method;
    Object* slow;  // the function written in Python
    bool flips;    // linear(x, weight, bias), else matmul(x, y)
};

const long LONG_SUMS = 4096;  // longer ones are added in float64, by pieces (arrays/cpu/matmul.py)

Outcome multiply(const Product* product, Object* const* arguments, Object** out) {
    if (!is_array(arguments[0]) || !is_array(arguments[1])) return LEFT;
    const Array *x = (Array*)arguments[0], *y = (Array*)arguments[1], *bias = nullptr;
    const int kind = kind_of(x->dtype), d = x->dims;
    if ((kind != 2 && kind != 3) || y->dtype != x->dtype || d < 2 || y->dims != d || d > MAX_DIMS) return LEFT;
    const long k = x->shape[d - 1], n = y->shape[product->flips ? d - 2 : d - 1];
    if (k != y->shape[product->flips ? d - 1 : d - 2] || (kind == 2 && k > LONG_SUMS)) return LEFT;
    if (memcmp(x->shape, y->shape, (d - 2) * sizeof(long)) || !(x->flags & y->flags & ALIGNED)) return LEFT;
    if (product->flips && arguments[2] != None) {
        bias = (Array*)arguments[2];
        if (!is_array(arguments[2]) || bias->dtype != x->dtype || bias->dims != 1 || bias->shape[0] != n || d != 2 ||
            bias->strides[0] != WIDTHS[kind] || !(bias->flags & ALIGNED)) return LEFT;
    }
    long shape[MAX_DIMS];
    memcpy(shape, x->shape, d * sizeof(long));
    shape[d - 1] = n;
    *out = new_array_of(kind, d, shape);
    if (!*out) return FAILED;
    if (product_into((Array*)*out, x, y, product->flips, bias, WIDTHS[kind])) return DONE;
    Py_DecRef(*out);
    return LEFT;
}

Object* call_product(Object* self, Object* const* arguments, long count, Object* keywords) {
    const Product* product = (Product*)PyCapsule_GetPointer(self, nullptr);
    Object* out = nullptr;
    if (count == 2 + product->flips && !keywords && multiply(product, arguments, &out) != LEFT) return out;
    if (host::recording) host::record_left();
    return PyObject_Vectorcall(product->slow, arguments, (unsigned long)count, keywords);
}

// ---- many tensors in one launch: the host's half of kernels/include/table.cuh

const long CHUNK = 8192;  // elements that a block works on

// table(*columns): each a list of arrays, one a tensor, or None. Bytes: a row a tensor, as kernels read it, then how
// many blocks and elements all tensors have; None where an array is not C-contiguous or not of its column's dtype, which
// the first array says.
Object* make_table(Object*, Object* const* columns, long count, Object*) {
    const long rows = PyList_Size(columns[0]), width = count + 2;
    Object* packed = PyBytes_FromStringAndSize(nullptr, (rows * width + 2) * 8);
    if (!packed) return nullptr;
    long *word = (long*)PyBytes_AsString(packed), block = 0, elements = 0;
    for (long row = 0; row < rows; row++, word += width) {
        for (long column = 0; column < count; column++) {
            word[column] = 0;
            if (columns[column] == None) continue;
            const Array* x = (Array*)PyList_GetItem(columns[column], row);
            const Array* like = (Array*)PyList_GetItem(columns[column], 0);
            const int plain = C_CONTIGUOUS | ALIGNED;
            if (!is_array((Object*)x) || x->dtype != like->dtype || (x->flags & plain) != plain) {
                Py_DecRef(packed);
                Py_IncRef(None);
                return None;
            }
            word[column] = (long)x->data;
        }
        word[count] = size_of((Array*)PyList_GetItem(columns[0], row));
        word[count + 1] = block;
        block += (word[count] + CHUNK - 1) / CHUNK;
        elements += word[count];
    }
    word[0] = block, word[1] = elements;
    return packed;
}

Method table_method = {"table", make_table, FASTCALL_WITH_KEYWORDS, ""};

// ---- views

struct View {
    Method method;
    Object* slow;  // the function written in Python
};

// expand(x, shape): x repeated along new dimensions and those of size 1, by strides of 0.
Object* expand(Object* self, Object* const* arguments, long count, Object* keywords) {
    const View* view = (View*)PyCapsule_GetPointer(self, nullptr);
    Object* slow = view->slow;
    const Array* x = (Array*)arguments[0];
    long shape[MAX_DIMS], strides[MAX_DIMS], dims = 0;
    bool fits = count == 2 && !keywords && is_array(arguments[0]) && type_of(arguments[1]) == tuple_type &&
                (dims = PyTuple_Size(arguments[1])) <= MAX_DIMS && x->dims <= dims;
    for (long d = dims - 1, own = x->dims - 1; fits && d >= 0; d--, own--) {
        Object* size = PyTuple_GetItem(arguments[1], d);
        int overflow = 1;
        if (type_of(size) == int_type) shape[d] = PyLong_AsLongLongAndOverflow(size, &overflow);
        const bool same = own >= 0 && x->shape[own] == shape[d];
        strides[d] = same ? x->strides[own] : 0;
        fits = !overflow && (same || own < 0 || x->shape[own] == 1);
    }
    if (!fits) return PyObject_Vectorcall(slow, arguments, (unsigned long)count, keywords);
    Py_IncRef(x->dtype);
    Object* out = new_array(array_type, x->dtype, (int)dims, shape, strides, x->data, x->flags & WRITEABLE, nullptr);
    if (!out) return nullptr;
    Py_IncRef(arguments[0]);
    if (set_base(out, arguments[0]) == 0) return out;
    Py_DecRef(out);
    return nullptr;
}

}  // namespace

// ---- what runtime.py calls

extern "C" {
// `objects`: None, True, ndarray, float, int, bool, bytes, tuple, the exception of a fault, then the dtypes in the order of their kinds.
void host_begin(Object** objects, void* array_maker, void* base_setter) {
    Object** places[] = {&None, &True, &array_type, &float_type, &int_type, &bool_type, &bytes_type, &tuple_type, &fault_type};
    for (Object** place : places) *place = *objects++;
    for (Object*& dtype : dtypes) dtype = *objects++;
    new_array = (decltype(new_array))array_maker;
    set_base = (decltype(set_base))base_setter;
}

void host_set_thresholds(long shared, long released) {
    shared_from = shared;
    released_from = released;
}

// What the fields of an array are taken to be, for a comparison with what NumPy says of it.
void host_look_at(const Array* x, long* found) {
    long facts[] = {(long)x->data, x->dims, x->shape[0], x->strides[0], (long)x->dtype, x->flags, (long)type_of((Object*)x)};
    memcpy(found, facts, sizeof facts);
}

Object* host_kernel(const char* name, void* entry, const char* letters) {
    Kernel* kernel = new Kernel{};
    kernel->entry = (Entry)entry;
    strncpy(kernel->letters, letters, sizeof kernel->letters - 1);
    return function_over(kernel, kernel->method, name, "", launch_kernel);
}

Object* host_product(int flips, const char* name, const char* documentation, Object* slow) {
    Product* product = new Product{{}, slow, (bool)flips};
    Py_IncRef(slow);
    return function_over(product, product->method, name, documentation, call_product);
}

Object* host_expand(const char* name, const char* documentation, Object* slow) {
    View* view = new View{{}, slow};
    Py_IncRef(slow);
    return function_over(view, view->method, name, documentation, expand);
}

Object* host_table() { return PyCFunction_NewEx(&table_method, nullptr, nullptr); }

Map* host_map(const char* operands, int gives, int compares, double cost, Object* slow) {
    Map* map = new Map{};
    strncpy(map->operands, operands, sizeof map->operands - 1);
    map->gives = gives;
    map->compares = compares;
    map->cost = cost;
    map->slow = slow;
    Py_IncRef(slow);
    return map;
}

void host_map_entry(Map* map, int kind, void* entry) { map->entries[kind] = (Entry)entry; }

Object* host_map_function(Map* map, const char* name, const char* documentation) {
    return function_over(map, map->method, name, documentation, call_map);
}

Object* host_map_into(Map* map, const char* name) {
    return function_over(map, map->into_method, name, "", call_map_into);
}
}
