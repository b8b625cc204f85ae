// Settings of malloc, for the whole process. The probe runs for months beside the programs that it watches.
#pragma once

// Memory of busy moments goes back to the kernel. Call it before the threads of the process have allocated
// much: existing arenas are not affected. Does nothing without glibc's malloc.
void keepMallocSmall();

// Returns free memory to the kernel, from the middle of arenas too.
void releaseFreeMemory();
