// The little of CPython's and NumPy's binary interfaces that a call needs, declared by hand: neither Python.h nor NumPy's
// headers need be installed, as they are not where Python comes without its development package. The functions are of
// the stable ABI (PyObject_Vectorcall is exported since 3.9); an array's fields have lain so since NumPy 1.7. runtime.py
// looks whether they do before anything is called.
#pragma once

struct Object;  // opaque but for its type, the last word of the head

extern "C" {
typedef Object* (*FastCall)(Object* self, Object* const* arguments, long count, Object* keywords);
struct Method {
    const char* name;
    FastCall function;
    int flags;
    const char* documentation;
};
Object* PyCFunction_NewEx(Method*, Object* self, Object* module);
Object* PyCapsule_New(void*, const char* name, void (*destructor)(Object*));
void* PyCapsule_GetPointer(Object*, const char* name);
Object* PyObject_Vectorcall(Object* callable, Object* const* arguments, unsigned long count, Object* keywords);
void* PyEval_SaveThread();
void PyEval_RestoreThread(void*);
double PyFloat_AsDouble(Object*);
long long PyLong_AsLongLongAndOverflow(Object*, int* overflow);
char* PyBytes_AsString(Object*);
long PyBytes_Size(Object*);
Object* PyBytes_FromStringAndSize(const char*, long);
long PyList_Size(Object*);
Object* PyList_GetItem(Object*, long);
long PyTuple_Size(Object*);
Object* PyTuple_GetItem(Object*, long);
Object* PyTuple_New(long);
int PyTuple_SetItem(Object*, long, Object*);
Object* PyErr_Occurred();
void PyErr_Clear();
void PyErr_SetString(Object* type, const char* message);
void Py_IncRef(Object*);
void Py_DecRef(Object*);
}

const int FASTCALL_WITH_KEYWORDS = 0x0080 | 0x0002;

struct Array {
    char head[OBJECT_HEAD];  // object.__basicsize__
    char* data;
    int dims;
    long *shape, *strides;
    Object *base, *dtype;
    int flags;
};

const int C_CONTIGUOUS = 1, ALIGNED = 0x100, WRITEABLE = 0x400;

inline Object* type_of(const Object* object) { return *(Object**)((char*)object + OBJECT_HEAD - sizeof(Object*)); }
