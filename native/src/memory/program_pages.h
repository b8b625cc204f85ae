// Pages of the program's files (Node's own executable and the libraries) that are mapped into this process.
#pragma once

#include <cstddef>
#include <cstdint>

// The kernel maps up to this many pages, aligned, at the first touch of one of them (fault_around_bytes).
constexpr uint32_t PROGRAM_PAGE_TURNS = 16;

// Unmaps one in PROGRAM_PAGE_TURNS of the resident pages of code and constants: those whose number leaves
// `turn`. What is in use comes back from the page cache at its next touch. One page at a time, because the
// kernel would bring back its neighbours with it: while they are mapped there is no fault among them, so that
// after some rounds the pages in use are left and few others. Returns the bytes of resident memory that went;
// 0 where the kernel does not tell which pages may go. To be called off the event loop: it takes about a
// millisecond.
size_t releaseProgramPages(uint32_t turn);
