// cp.async: bytes arrive when they are waited for and not before; until then the destination is poison.
#include <cstring>

#include "runtime.h"

using namespace runtime;

extern "C" void emu_cp_async(void *destination, const void *source, int size, int source_size) {
  char *to = (char *)destination;
  const void *pc = __builtin_return_address(0);
  if (!in_shared_arena(to)) fail_at(pc, "cp.async: the destination is not shared memory");
  if ((uintptr_t)to % size || (uintptr_t)source % size)
    fail_at(pc, format("cp.async: misaligned copy of %d bytes", size));
  if (config.racecheck) {
    check_access(to, size, Access::WRITE, pc);
    mark_in_flight(to, size);
  }
  fill(to, to + size, POISON);
  current->copies.push_back({to, (const char *)source, size, source_size, current->copy_group});
}

extern "C" void emu_cp_commit() { current->copy_group++; }

extern "C" void emu_cp_wait(int groups_still_in_flight) {
  const void *pc = __builtin_return_address(0);
  auto &copies = current->copies;
  size_t landed = 0;
  for (; landed < copies.size() && copies[landed].group < current->copy_group - groups_still_in_flight; landed++) {
    const AsyncCopy &copy = copies[landed];
    if (config.racecheck) {
      check_access(copy.source, copy.source_size, Access::READ, pc);
      check_access(copy.destination, copy.size, Access::WRITE, pc);
    }
    memcpy(copy.destination, copy.source, copy.source_size);
    memset(copy.destination + copy.source_size, 0, copy.size - copy.source_size);
  }
  copies.erase(copies.begin(), copies.begin() + landed);
}
