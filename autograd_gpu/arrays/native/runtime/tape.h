// Launches kept to be run again, and the memory that they work on.
#pragma once

#include "pool.h"
#include "python.h"

namespace host {
struct Tape;

// The tape of what this thread launches; null where nothing is recorded.
extern thread_local Tape* recording;

// By whom blocks are run.
enum Way { ALONE, SHARED, PRODUCTS };

// A launch that is made now; `bytes` of arguments are copied. What is `kept` is an object whose memory they name.
void record(const Launch& launch, long bytes, Way way);
void keep(Object* object);
// A function written in Python is asked instead of a kernel: what it computes is on no tape.
void record_left();
}  // namespace host
