#include "features.h"

#include "kernel_error.h"
#include "libbpf_log.h"
#include "objects.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace {

struct ProgramKind {
    const char *name;    // as doctor prints it
    const char *program; // in features.bpf.c
};

constexpr ProgramKind KINDS[] = {
    {"kprobe", "kprobe"},     {"fentry", "fentry"},
    {"tp_btf", "tp_btf"},     {"iter/task_file", "iter_task_file"},
    {"iter/tcp", "iter_tcp"}, {"iter/bpf_sk_storage_map", "iter_sk_storage"},
};

Feature refused(const char *name, const char *step, int error) {
    return {name, false, error, std::string(step) + " refused: " + strerror(error)};
}

struct bpf_link *attach(struct bpf_object *object, struct bpf_program *program, const ProgramKind &kind) {
    if (strcmp(kind.program, "iter_sk_storage") != 0)
        return bpf_program__attach(program);
    union bpf_iter_link_info info = {};
    info.map.map_fd = bpf_object__find_map_fd_by_name(object, "feature_sockets");
    LIBBPF_OPTS(bpf_iter_attach_opts, options);
    options.link_info = &info;
    options.link_info_len = sizeof(info);
    return bpf_program__attach_iter(program, &options);
}

Feature tryProgram(const ProgramKind &kind) {
    LIBBPF_OPTS(bpf_object_open_opts, options);
    options.object_name = "topoprobe_ask";
    struct bpf_object *object = bpf_object__open_mem(
        topoprobe_features_object,
        static_cast<size_t>(topoprobe_features_object_end - topoprobe_features_object), &options);
    if (!object)
        return refused(kind.name, "opening", errno);
    struct bpf_program *program, *wanted = nullptr;
    bpf_object__for_each_program(program, object) {
        bool is_wanted = strcmp(bpf_program__name(program), kind.program) == 0;
        bpf_program__set_autoload(program, is_wanted);
        if (is_wanted)
            wanted = program;
    }
    Feature result{kind.name, true, 0, ""};
    if (int error = bpf_object__load(object)) {
        result = refused(kind.name, "loading", -error);
    } else if (struct bpf_link *link = attach(object, wanted, kind)) {
        bpf_link__destroy(link);
    } else {
        result = refused(kind.name, "attaching", errno);
    }
    bpf_object__close(object);
    return result;
}

Feature tryMap(const char *name, enum bpf_map_type type, unsigned key, unsigned value, unsigned entries) {
    int fd = bpf_map_create(type, "topoprobe_ask", key, value, entries, nullptr);
    if (fd < 0)
        return refused(name, "creating", errno);
    close(fd);
    return {name, true, 0, ""};
}

} // namespace

std::vector<Feature> probeFeatures() {
    LibbpfLog log;
    std::vector<Feature> features;
    for (const ProgramKind &kind : KINDS)
        features.push_back(tryProgram(kind));
    features.push_back(
        tryMap("ringbuf", BPF_MAP_TYPE_RINGBUF, 0, 0, static_cast<unsigned>(sysconf(_SC_PAGESIZE))));
    return features;
}
