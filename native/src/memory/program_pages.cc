#include "program_pages.h"

#include <algorithm>
#include <array>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

// One entry of /proc/<pid>/pagemap for each page, see pagemap.rst of the kernel.
constexpr uint64_t PRESENT = 1ull << 63;
constexpr uint64_t OF_FILE = 1ull << 61;
constexpr size_t ENTRIES_PER_READ = 512;

struct Release {
    int pagemap;
    uintptr_t page_bytes;
    uint32_t turn;
    size_t released;
};

// A page that was written to all the same (a debugger's breakpoint, Node's copy of itself in large pages) is
// not the file's any more, and would be lost.
bool mayGo(uint64_t entry) {
    return (entry & PRESENT) && (entry & OF_FILE);
}

void releaseRange(Release &release, uintptr_t first_page, uintptr_t end_page) {
    std::array<uint64_t, ENTRIES_PER_READ> entries;
    while (first_page < end_page) {
        size_t wanted = std::min<size_t>(entries.size(), end_page - first_page);
        size_t bytes = wanted * sizeof(uint64_t);
        ssize_t got =
            pread(release.pagemap, entries.data(), bytes, static_cast<off_t>(first_page * sizeof(uint64_t)));
        if (got != static_cast<ssize_t>(bytes))
            return;
        for (size_t i = 0; i < wanted; i++) {
            uintptr_t page = first_page + i;
            if (page % PROGRAM_PAGE_TURNS != release.turn || !mayGo(entries[i]))
                continue;
            if (madvise(reinterpret_cast<void *>(page * release.page_bytes), release.page_bytes,
                        MADV_DONTNEED) == 0)
                release.released += release.page_bytes;
        }
        first_page += wanted;
    }
}

// Its read-only segments are written to while it is loaded, after they were mapped.
bool hasTextRelocations(const struct dl_phdr_info &object) {
    for (ElfW(Half) i = 0; i < object.dlpi_phnum; i++) {
        const ElfW(Phdr) &header = object.dlpi_phdr[i];
        if (header.p_type != PT_DYNAMIC)
            continue;
        const auto *entry = reinterpret_cast<const ElfW(Dyn) *>(object.dlpi_addr + header.p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
                return true;
    }
    return false;
}

int releaseObject(struct dl_phdr_info *object, size_t, void *data) {
    auto &release = *static_cast<Release *>(data);
    if (hasTextRelocations(*object))
        return 0;
    for (ElfW(Half) i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) &header = object->dlpi_phdr[i];
        if (header.p_type != PT_LOAD || (header.p_flags & PF_W))
            continue;
        uintptr_t begin = object->dlpi_addr + header.p_vaddr;
        uintptr_t end = begin + header.p_memsz;
        releaseRange(release, begin / release.page_bytes, end / release.page_bytes);
    }
    return 0;
}

} // namespace

// Only segments that the file itself declares read-only, so that nobody writes to them meanwhile; and inside
// of dl_iterate_phdr, whose lock keeps an object from being unmapped, and its addresses from becoming
// something else.
size_t releaseProgramPages(uint32_t turn) {
    Release release = {open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
                       static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)), turn % PROGRAM_PAGE_TURNS, 0};
    if (release.pagemap < 0)
        return 0;
    dl_iterate_phdr(releaseObject, &release);
    close(release.pagemap);
    return release.released;
}
