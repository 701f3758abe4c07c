#include "emulator/half.h"
