// A tape: the launches of a step, arguments and all, run again by one call. An arena: the memory of the arrays that are
// made while a tape is recorded. What is freed there is handed out again, as ever, but never given back, so that the
// launches, run in their order, find their addresses as they were; it lives as long as an array or a tape needs it.
#include "tape.h"

#include "call.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <map>
#include <unordered_map>
#include <vector>

namespace host {
struct Kept {
    Launch launch;
    Way way;
    long bytes;  // of arguments
};

struct Tape {
    std::vector<Kept> launches;
    std::vector<Object*> objects;
    long left = 0;
};

thread_local Tape* recording = nullptr;

void add(Tape* tape, const Launch& launch, long bytes, Way way) {
    char* arguments = (char*)aligned_alloc(16, (bytes + 15) & -16l);
    memcpy(arguments, launch.arguments, bytes);
    tape->launches.push_back({launch, way, bytes});
    tape->launches.back().launch.arguments = arguments;
}

void record(const Launch& launch, long bytes, Way way) { add(recording, launch, bytes, way); }

void keep(Object* object) {
    Py_IncRef(object);
    recording->objects.push_back(object);
}

void record_left() { recording->left++; }
}  // namespace host

namespace {
using host::Tape;

// ---- NumPy's allocator, as PyDataMem_SetHandler takes it (NEP 49)

struct Handler {
    char name[127];
    uint8_t version;
    void* arena;
    void* (*malloc)(void* arena, size_t size);
    void* (*calloc)(void* arena, size_t count, size_t size);
    void* (*realloc)(void* arena, void* place, size_t size);
    void (*free)(void* arena, void* place, size_t size);
};

enum State : long { OUTSIDE, UNKNOWN, COMPUTED };

struct Block {
    size_t size;
    State state;
    long life;
    bool is_kept;  // never handed out again
};

// What was allocated once: where, and between which launches of the tape.
struct Life {
    long place, size, from, to;  // to is negative while it lasts
};

struct Arena {
    Handler handler;
    const Tape* tape;
    std::map<char*, Block> used;
    std::vector<Life> lives;
    std::unordered_map<size_t, std::vector<char*>> free;
    std::vector<char*> chunks;
    char *next = nullptr, *end = nullptr;
    size_t bytes = 0;
    bool is_fresh = false;  // only memory that nothing has had is handed out
};

const size_t LINE = 64, CHUNK = 1 << 20;

// Sizes of a kind, so that what is freed fits again: whole lines, from 4 KB on eighths of a power of two.
size_t rounded(size_t size) {
    size_t step = LINE;
    while (size > step * 64) step *= 2;
    return size ? (size + step - 1) & -step : LINE;
}

void* take(void* context, size_t size) {
    Arena* arena = (Arena*)context;
    size = rounded(size);
    std::vector<char*>& spare = arena->free[size];
    char* place;
    if (!spare.empty() && !arena->is_fresh) {
        place = spare.back();
        spare.pop_back();
    } else {
        if ((size_t)(arena->end - arena->next) < size) {
            const size_t whole = size > CHUNK ? size : CHUNK;
            char* chunk = (char*)aligned_alloc(LINE, whole);
            if (!chunk) return nullptr;
            arena->chunks.push_back(chunk);
            arena->bytes += whole;
            arena->next = chunk, arena->end = chunk + whole;
        }
        place = arena->next;
        arena->next += size;
    }
    arena->used[place] = {size, UNKNOWN, (long)arena->lives.size(), false};
    if (arena->tape) arena->lives.push_back({(long)place, (long)size, (long)arena->tape->launches.size(), -1});
    return place;
}

void* take_zeros(void* context, size_t count, size_t size) {
    void* place = take(context, count * size);
    if (place) memset(place, 0, count * size);
    return place;
}

void give_back(void* context, void* place, size_t) {
    Arena* arena = (Arena*)context;
    auto found = arena->used.find((char*)place);
    if (found == arena->used.end()) return;
    if (arena->tape) arena->lives[found->second.life].to = (long)arena->tape->launches.size();
    if (!found->second.is_kept) arena->free[found->second.size].push_back((char*)place);
    arena->used.erase(found);
}

void* take_more(void* context, void* place, size_t size) {
    Arena* arena = (Arena*)context;
    auto found = arena->used.find((char*)place);
    const size_t before = found == arena->used.end() ? 0 : found->second.size;
    if (before >= size) return place;
    void* moved = take(context, size);
    if (moved && before) {
        memcpy(moved, place, before);
        give_back(context, place, before);
    }
    return moved;
}

void end_arena(Object* capsule) {
    Handler* handler = (Handler*)PyCapsule_GetPointer(capsule, "mem_handler");
    Arena* arena = (Arena*)handler->arena;
    for (char* chunk : arena->chunks) free(chunk);
    delete arena;
}

Arena* arena_of(Object* capsule) {
    return (Arena*)((Handler*)PyCapsule_GetPointer(capsule, "mem_handler"))->arena;
}

Block* block_at(Arena* arena, char* address) {
    auto after = arena->used.upper_bound(address);
    if (after == arena->used.begin()) return nullptr;
    auto& [start, block] = *--after;
    return address < start + block.size ? &block : nullptr;
}
}  // namespace

// ---- what tape.py calls

extern "C" {
Tape* host_tape() { return new Tape; }
void host_tape_record(Tape* tape) { host::recording = tape; }
long host_tape_size(const Tape* tape) { return (long)tape->launches.size(); }
void host_tape_leave() {
    if (host::recording) host::record_left();
}
long host_tape_left(const Tape* tape) { return tape->left; }

// What launch i is: its entry, arguments and how many bytes they are, way and grid.
void host_tape_look(const Tape* tape, long i, long* told) {
    const host::Kept& kept = tape->launches[i];
    told[0] = (long)kept.launch.entry, told[1] = (long)kept.launch.arguments, told[2] = kept.bytes, told[3] = kept.way;
    for (int axis = 0; axis < 3; axis++) told[4 + axis] = kept.launch.grid[axis];
}

void host_tape_add(Tape* tape, const long* told) {
    const host::Launch launch{(host::Entry)told[0], (void*)told[1], {(unsigned)told[4], (unsigned)told[5], (unsigned)told[6]}};
    host::add(tape, launch, told[2], (host::Way)told[3]);
}

// The objects whose memory arguments name, as long as there are any.
Object* host_tape_object(const Tape* tape, long i) {
    Object* object = i < (long)tape->objects.size() ? tape->objects[i] : call::None;
    Py_IncRef(object);
    return object;
}

// Runs launches [first, last); not 0 when one met an index out of range, behind which nothing ran.
int host_tape_run(const Tape* tape, long first, long last) {
    void* state = PyEval_SaveThread();
    int fault = 0;
    for (long i = first; i < last && !fault; i++) {
        const host::Kept& kept = tape->launches[i];
        if (kept.way == host::PRODUCTS) host::run_products(kept.launch);
        else fault = kept.way == host::SHARED ? host::run_shared(kept.launch) : host::run_alone(kept.launch);
    }
    PyEval_RestoreThread(state);
    return fault;
}

void host_tape_end(Tape* tape) {
    for (const host::Kept& kept : tape->launches) free((void*)kept.launch.arguments);
    for (Object* object : tape->objects) Py_DecRef(object);
    delete tape;
}

// An arena as NumPy takes it for an allocator. It notes what lives when by the launches of a tape.
Object* host_arena(const Tape* tape) {
    Arena* arena = new Arena;
    arena->tape = tape;
    arena->handler = {"autograd_gpu_recording", 1, arena, take, take_zeros, take_more, give_back};
    return PyCapsule_New(&arena->handler, "mem_handler", end_arena);
}

long host_arena_bytes(Object* capsule) { return (long)arena_of(capsule)->bytes; }

// What is known of the block that holds an address: 0 it is none of the arena's, 1 who wrote it is not on the tape, 2 it is.
long host_arena_state(Object* capsule, char* address) {
    Block* block = block_at(arena_of(capsule), address);
    return block ? block->state : OUTSIDE;
}

// Lives from the first on, as they are now; returns how many there are. Then the tape is looked at no more.
long host_arena_lives(Object* capsule, Life* told) {
    Arena* arena = arena_of(capsule);
    if (told) {
        memcpy(told, arena->lives.data(), arena->lives.size() * sizeof(Life));
        arena->tape = nullptr;
    }
    return (long)arena->lives.size();
}

void host_arena_fresh(Object* capsule, int fresh) { arena_of(capsule)->is_fresh = fresh; }

// Hand the block that holds an address out never again.
void host_arena_keep(Object* capsule, char* address) {
    if (Block* block = block_at(arena_of(capsule), address)) block->is_kept = true;
}

void host_arena_computed(Object* capsule, char* address) {
    if (Block* block = block_at(arena_of(capsule), address)) block->state = COMPUTED;
}
}
