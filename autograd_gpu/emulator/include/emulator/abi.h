// What a compiled kernel and the runtime know of each other. Knows no CUDA names: those are in the other headers.
#pragma once

struct emu_dim {
  unsigned x, y, z;
};

struct emu_position {
  emu_dim thread, block, block_dim, grid_dim;
  int lane;
};

// The place in the kernel's source from which a call was made. EMU_CALLER declares the last parameters of a function
// whose caller's place is wanted (as defaults, the builtins give the caller's), EMU_SITE makes them one.
struct emu_site {
  const char *file;
  int line;
};
#define EMU_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define EMU_SITE (emu_site{file, line})

// One launch parameter: where it lies in the packed buffer, and enough of its type to check an argument.
struct emu_parameter {
  const char *type;  // the compiler's spelling, inside "[with T = ...]"
  char kind;         // P pointer, S scalar, V struct by value
  char code;         // of the scalar or pointee: f i u b (bool) v (void) p (pointer) V (opaque)
  bool is_const;     // pointer to const
  int element_size, size, offset;
};

struct emu_kernel {
  const char *parameter_names;  // "x,y,cols"
  void (*run)(const char *packed);
  const emu_parameter *parameters;
  int count, packed_size, max_threads;
};

// `lanes` holds what each lane of the warp deposited, null where a lane does not take part.
typedef void (*emu_combine)(void **lanes);

extern "C" {
#ifdef EMU_RUNTIME
extern emu_position emu_now;
#else
// Constant from one thread's point of view: its loads need neither repeating after a call nor a race check.
extern const emu_position emu_now;
#endif

void emu_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

enum emu_vote { EMU_COUNT, EMU_AND, EMU_OR };
int emu_barrier(int predicate, emu_vote vote, const char *operation, emu_site site);

// Every lane in `mask` deposits a pointer; the last to arrive runs `combine` over all of them; then all go on.
void emu_collective(unsigned mask, void *deposit, emu_combine combine, const char *operation, emu_site site);
void emu_syncwarp(unsigned mask, emu_site site);

void *emu_static_shared(const void *key, unsigned long size, const char *name, int line);
void *emu_dynamic_shared();

// cp.async: the destination is poison from issue until the group is waited for.
void emu_cp_async(void *destination, const void *source, int size, int source_size);
void emu_cp_commit();
void emu_cp_wait(int groups_still_in_flight);
}
