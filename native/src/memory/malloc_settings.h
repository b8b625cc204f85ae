// Settings of malloc, for the whole process, that suit a program which runs for months beside what it
// watches.
#pragma once

// Memory of busy moments goes back to the kernel. To be called before the threads of the process have
// allocated much: what their arenas hold already is not affected. Does nothing where malloc is not glibc's.
void keepMallocSmall();

// What is free goes back to the kernel, wherever in the arenas it is.
void releaseFreeMemory();
