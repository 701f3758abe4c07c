// Functions of rows, as softmax and norms are, told by three lines of letters: what a call takes, what it gives, and in
// which order the kernel reads them. What a line does not say (gaps between rows, another dimension) is left to a
// function written in Python.
#include "call.h"

namespace {
using namespace call;

const int MOST = 8;  // parameters, and results

struct Rows {
    Method method;
    Entry entries[KINDS];
    Object* slow;
    char takes[MOST + 1];    // x matrix, m the same or None, w a row or None, a column of accumulators, t column of int64,
                             // q int, A number, b bool, d dimension, the last
    char gives[MOST + 1];    // x matrix, a column of accumulators, a digit: a row, if that parameter is given
    char reads[4 * MOST];    // a digit: that parameter; capitals: results; - nothing, r rows, c columns, z zero
    double cost;             // of an element, an addition being 1
};

// The sums of gradients along columns are of so few rows, and in the dtype itself, for one block (arrays/native/norm.py).
const long ROWS_SUMMED = 64;

struct Operands {
    long rows = 0, columns = 0;
    int kind = -1;
    const Array* matrix = nullptr;
};

bool has_rows(const Array* x, const Operands& of) {
    return x->dims == of.matrix->dims && !memcmp(x->shape, of.matrix->shape, x->dims * sizeof(long));
}

// Whether the arguments are as the line says.
bool take(const Rows* rows, Object* const* arguments, Operands& of) {
    for (int i = 0; rows->takes[i]; i++)
        if (rows->takes[i] == 'x') {
            if (!is_array(arguments[i])) return false;
            if (!of.matrix) of.matrix = (Array*)arguments[i];
        }
    const Array* like = of.matrix;
    if (like->dims < 1) return false;
    of.kind = kind_of(like->dtype);
    of.columns = like->shape[like->dims - 1];
    if (of.kind < 0 || !rows->entries[of.kind] || of.columns < 1 || of.columns > 2147483647) return false;
    of.rows = size_of(like) / of.columns;
    if (of.rows < 1) return false;
    Object* const accumulator = dtypes[of.kind == DOUBLE_KIND ? DOUBLE_KIND : FLOAT_KIND];
    for (int i = 0; rows->takes[i]; i++) {
        Object* argument = arguments[i];
        const char letter = rows->takes[i];
        const Array* x = (Array*)argument;
        if (argument == None && (letter == 'm' || letter == 'w')) continue;
        if (letter == 'd') {
            int overflow;
            if (type_of(argument) != int_type || PyLong_AsLongLongAndOverflow(argument, &overflow) != like->dims - 1)
                return false;
        } else if (letter == 'q' || letter == 'A') {
            double real;
            long long whole;
            bool is_real;
            if (!number(argument, real, whole, is_real) || (is_real && letter == 'q')) return false;
        } else if (letter == 'b') {
            if (type_of(argument) != bool_type) return false;
        } else if (!is_array(argument) || !is_plain(x)) return false;
        else if (letter == 'x' || letter == 'm') {
            if (x->dtype != like->dtype || !has_rows(x, of)) return false;
        } else {
            Object* const dtype = letter == 'w' ? like->dtype : letter == 't' ? dtypes[LONG_KIND] : accumulator;
            if (x->dtype != dtype || x->dims != 1 || x->shape[0] != (letter == 'w' ? of.columns : of.rows)) return false;
        }
    }
    return true;
}

void pack(const Rows* rows, Object* const* arguments, Object* const* results, const Operands& of, Packed& packed) {
    for (const char* read = rows->reads; *read; read++) {
        if (*read == '-') packed.add((char*)nullptr);
        else if (*read == 'r') packed.add((long long)of.rows);
        else if (*read == 'c') packed.add((int)of.columns);
        else if (*read == 'z') packed.add(0);
        else {
            Object* object = *read < 'A' ? arguments[*read - '0'] : results[*read - 'A'];
            const char letter = *read < 'A' ? rows->takes[*read - '0'] : 'x';
            if (letter != 'q' && letter != 'A') {
                packed.add(object == None ? nullptr : ((Array*)object)->data);
                continue;
            }
            double real;
            long long whole;
            bool is_real;
            number(object, real, whole, is_real);
            if (letter == 'q') packed.add(whole);
            else if (of.kind == DOUBLE_KIND) packed.add(real);
            else packed.add((float)real);
        }
    }
}

// The results, one or a tuple; null, with or without an exception, where there is none.
Object* compute(const Rows* rows, Object* const* arguments) {
    Operands of;
    if (!take(rows, arguments, of)) return nullptr;
    Object* results[MOST];
    int count = 0;
    bool sums = false, made = true;
    for (const char* letter = rows->gives; *letter && made; letter++) {
        Object*& result = results[count++];
        if (*letter == 'x') result = new_array_of(of.kind, of.matrix->dims, of.matrix->shape);
        else if (*letter == 'a') result = new_array_of(of.kind == DOUBLE_KIND ? DOUBLE_KIND : FLOAT_KIND, 1, &of.rows);
        else {
            Object* given = arguments[*letter - '0'];
            const bool wanted = rows->takes[*letter - '0'] == 'b' ? given == True : given != None;
            if (wanted) result = new_array_of(of.kind, 1, &of.columns), sums = true;
            else Py_IncRef(result = None);
        }
        made = result != nullptr;
    }
    const double work = (double)of.rows * of.columns * rows->cost;
    Object* answer = nullptr;
    if (made && (!sums || (of.rows <= ROWS_SUMMED && of.kind >= FLOAT_KIND))) {
        Packed packed;
        pack(rows, arguments, results, of, packed);
        if (run({rows->entries[of.kind], packed.bytes, {(unsigned)(sums ? 1 : shares(of.rows, work)), 1, 1}}, work, packed.size)) {
            if (count == 1) return results[0];
            answer = PyTuple_New(count);
            for (int i = 0; i < count && answer; i++) PyTuple_SetItem(answer, i, results[i]);
            if (answer) return answer;
        }
    }
    for (int i = 0; i < count; i++)
        if (results[i]) Py_DecRef(results[i]);
    return nullptr;
}

Object* call_rows(Object* self, Object* const* arguments, long count, Object* keywords) {
    const Rows* rows = (Rows*)PyCapsule_GetPointer(self, nullptr);
    if (count == (long)strlen(rows->takes) && !keywords) {
        Object* answer = compute(rows, arguments);
        if (answer) return answer;
        PyErr_Clear();  // of an index out of range Python says which
    }
    return PyObject_Vectorcall(rows->slow, arguments, (unsigned long)count, keywords);
}
}  // namespace

extern "C" {
Rows* host_rows(const char* takes, const char* gives, const char* reads, double cost, Object* slow) {
    Rows* rows = new Rows{};
    strncpy(rows->takes, takes, sizeof rows->takes - 1);
    strncpy(rows->gives, gives, sizeof rows->gives - 1);
    strncpy(rows->reads, reads, sizeof rows->reads - 1);
    rows->cost = cost;
    rows->slow = slow;
    Py_IncRef(slow);
    return rows;
}

void host_rows_entry(Rows* rows, int kind, void* entry) { rows->entries[kind] = (Entry)entry; }

Object* host_rows_function(Rows* rows, const char* name, const char* documentation) {
    return function_over(rows, rows->method, name, documentation, call_rows);
}
}
