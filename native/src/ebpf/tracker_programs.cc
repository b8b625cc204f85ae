#include "tracker_programs.h"

#include "bpf/socket_table.h"
#include "kernel_error.h"
#include "libbpf_log.h"
#include "objects.h"

#include <algorithm>
#include <bit>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace {

constexpr const char *INDISPENSABLE = "on_tcp_state";
constexpr const char *ENDS_RECORDS = "on_destroy";
constexpr const char *MPTCP_SENDS = "on_mptcp_send";
// Only kernels with MPTCP have this file and the program's attach point.
constexpr const char *MPTCP_SETTING = "/proc/sys/net/mptcp/enabled";

// In the order in which they are attached: state changes last, when the others are ready.
constexpr const char *PROGRAMS[] = {"scan_files", "scan_namespace", "sweep_adopt", "sweep_holders",
                                    "on_read",    MPTCP_SENDS,      ENDS_RECORDS,  INDISPENSABLE};

// A record and the ring's own header of 8 bytes.
constexpr uint32_t RING_RECORD_BYTES = TP_RECORD_BYTES + 8;
// The most records that a CPU sends before it checks how full the ring is.
constexpr uint64_t MAX_RECORDS_PER_LOOK = 64;
// Listeners get a record in any case.
constexpr uint32_t FEWEST_IN_OVERFLOW = 4096;

bool isOfThisKernel(const std::string &program) {
    return program != MPTCP_SENDS || access(MPTCP_SETTING, F_OK) == 0;
}

bool contains(const std::vector<std::string> &all, const std::string &one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

struct bpf_program *programNamed(struct bpf_object *object, const std::string &name) {
    struct bpf_program *program = bpf_object__find_program_by_name(object, name.c_str());
    if (!program)
        throw KernelError("find BPF program " + name, ENOENT);
    return program;
}

struct bpf_map *mapNamed(struct bpf_object *object, const char *name) {
    struct bpf_map *map = bpf_object__find_map_by_name(object, name);
    if (!map)
        throw KernelError(std::string("find BPF map ") + name, ENOENT);
    return map;
}

void resize(struct bpf_object *object, const char *name, uint32_t entries) {
    if (bpf_map__set_max_entries(mapNamed(object, name), entries))
        throw KernelError(std::string("size BPF map ") + name, EINVAL);
}

// 0: the descriptor is not, or no longer, a BPF link's.
uint32_t linkId(struct bpf_link *link) {
    struct bpf_link_info info = {};
    uint32_t size = sizeof(info);
    return bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) ? 0 : info.id;
}

uint32_t placesFor(uint32_t max_connections) {
    return std::bit_floor(std::clamp<uint32_t>(max_connections, 64, TP_TABLE_PLACES));
}

// libbpf's own copy, until the object is loaded: the kernel never sees later writes.
struct tp_settings &settingsOf(struct bpf_object *object) {
    size_t size = 0;
    void *initial = const_cast<void *>(bpf_map__initial_value(mapNamed(object, ".rodata"), &size));
    if (initial == nullptr || size != sizeof(struct tp_settings))
        throw KernelError("set the BPF programs' settings", EINVAL);
    return *static_cast<struct tp_settings *>(initial);
}

} // namespace

std::string Refusal::reason() const {
    if (step == "off")
        return "switched off";
    return step + " refused: " + strerror(error) + (detail.empty() ? "" : " (" + detail + ")");
}

TrackerPrograms::TrackerPrograms(const ProgramOptions &options) : options_(options) {
    try {
        std::vector<std::string> wanted;
        for (const char *name : PROGRAMS)
            if (!isOfThisKernel(name))
                continue;
            else if (!contains(options_.without, name))
                wanted.emplace_back(name);
            else
                refusals_.push_back({name, "", "off", 0, ""});
        try {
            object_ = load(wanted);
        } catch (const KernelError &) {
            wanted = findLoadable(wanted);
            object_ = load(wanted);
        }
        attach(wanted);
        if (contains(wanted, ENDS_RECORDS) && link(ENDS_RECORDS) == nullptr)
            loadAgain(); // the others must know that it is missing
    } catch (...) {
        destroy();
        throw;
    }
}

TrackerPrograms::~TrackerPrograms() {
    destroy();
}

// Loads only the programs that could be attached.
void TrackerPrograms::loadAgain() {
    std::vector<std::string> attached;
    for (const Attached &one : attached_)
        attached.push_back(one.program);
    destroy();
    object_ = load(attached);
    attach(attached);
}

void TrackerPrograms::destroy() {
    for (const Attached &one : attached_)
        bpf_link__destroy(one.link);
    attached_.clear();
    bpf_object__close(object_);
    object_ = nullptr;
}

struct bpf_object *TrackerPrograms::open(const std::vector<std::string> &programs) const {
    LIBBPF_OPTS(bpf_object_open_opts, open_options);
    open_options.object_name = "topoprobe";
    struct bpf_object *object = bpf_object__open_mem(
        topoprobe_tracker_object,
        static_cast<size_t>(topoprobe_tracker_object_end - topoprobe_tracker_object), &open_options);
    if (!object)
        throw KernelError("open the embedded BPF object", errno);
    try {
        struct bpf_program *program;
        bpf_object__for_each_program(program, object)
            bpf_program__set_autoload(program, contains(programs, bpf_program__name(program)));
        uint32_t places = placesFor(options_.max_connections);
        resize(object, "ring", options_.ring_bytes);
        resize(object, "words", places);
        resize(object, "records", places);
        resize(object, "overflow", std::max(options_.max_connections, FEWEST_IN_OVERFLOW));
        // No CPU fills more than an eighth of its share of the ring without checking.
        uint64_t processors = static_cast<uint64_t>(std::max(1, get_nprocs()));
        uint64_t share = options_.ring_bytes / 8 / RING_RECORD_BYTES / processors;
        settingsOf(object) = {
            .wake_above_bytes = options_.ring_bytes / 4,
            .look_mask = std::bit_floor(std::clamp<uint64_t>(share, 1, MAX_RECORDS_PER_LOOK)) - 1,
            .take_mask = std::bit_floor(std::max<uint64_t>(1, places / 4 / processors)) - 1,
            .table_mask = places - 1,
            .has_destroy = contains(programs, ENDS_RECORDS),
            .pid_namespace = options_.pid_namespace,
        };
    } catch (...) {
        bpf_object__close(object);
        throw;
    }
    return object;
}

struct bpf_object *TrackerPrograms::load(const std::vector<std::string> &programs) const {
    LibbpfLog log;
    struct bpf_object *object = open(programs);
    if (int error = bpf_object__load(object)) {
        std::string why = log.verifierLine().empty() ? log.lastWarning() : log.verifierLine();
        bpf_object__close(object);
        throw KernelError("load the tracker's BPF programs", -error, why);
    }
    return object;
}

// Tries each program by itself: an object is loaded whole or not at all.
std::vector<std::string> TrackerPrograms::findLoadable(const std::vector<std::string> &wanted) {
    std::vector<std::string> loadable;
    for (const std::string &name : wanted) {
        LibbpfLog log;
        struct bpf_object *object = open({name});
        std::string section = bpf_program__section_name(programNamed(object, name));
        int error = bpf_object__load(object);
        bpf_object__close(object);
        if (error == 0) {
            loadable.emplace_back(name);
            continue;
        }
        if (name == INDISPENSABLE)
            throw KernelError("load the BPF program " + name + " (" + section + ")", -error,
                              log.verifierLine());
        refusals_.push_back({name, section, "load", -error, log.verifierLine()});
    }
    return loadable;
}

void TrackerPrograms::attach(const std::vector<std::string> &programs) {
    for (const std::string &name : programs) {
        LibbpfLog log;
        struct bpf_program *program = programNamed(object_, name);
        std::string section = bpf_program__section_name(program);
        struct bpf_link *link = bpf_program__attach(program);
        int error = errno;
        if (link != nullptr)
            attached_.push_back({name, link, linkId(link)});
        else if (name == INDISPENSABLE)
            throw KernelError("attach the BPF program " + name + " (" + section + ")", error,
                              log.lastWarning());
        else
            refusals_.push_back({name, section, "attach", error, ""});
    }
    for (Refusal &refusal : refusals_)
        if (refusal.section.empty())
            refusal.section = bpf_program__section_name(programNamed(object_, refusal.program));
}

struct bpf_link *TrackerPrograms::link(const std::string &program) const {
    for (const Attached &one : attached_)
        if (one.program == program)
            return one.link;
    return nullptr;
}

int TrackerPrograms::mapFd(const char *name) const {
    return bpf_map__fd(mapNamed(object_, name));
}

uint32_t TrackerPrograms::mapEntries(const char *name) const {
    return bpf_map__max_entries(mapNamed(object_, name));
}

void TrackerPrograms::refuseLate(const char *program, int error) {
    for (const Refusal &known : refusals_)
        if (known.program == program)
            return;
    refusals_.push_back(
        {program, bpf_program__section_name(programNamed(object_, program)), "start", error, ""});
}

// A closed descriptor may have been reused since: compare the id.
void TrackerPrograms::requireAttached() const {
    for (const Attached &one : attached_)
        if (linkId(one.link) != one.id)
            throw KernelError("watch TCP sockets: a BPF program was detached from outside", ENOLINK);
}
