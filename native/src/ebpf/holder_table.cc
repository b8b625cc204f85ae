#include "holder_table.h"

#include <algorithm>
#include <tuple>

void HolderTable::add(const struct tp_holder &holder) {
    if (sockets_.size() >= MAX_SOCKETS && !sockets_.count(holder.socket_id)) {
        dropped_++;
        return;
    }
    Socket &socket = sockets_[holder.socket_id];
    if (socket.last_pid == holder.pid)
        return;
    socket.last_pid = holder.pid;
    if (socket.holders.size() < MAX_HOLDERS)
        socket.holders.push_back(holder);
    else if (socket.more < UINT16_MAX)
        socket.more++;
}

std::vector<struct tp_holder> HolderTable::sorted() const {
    std::vector<struct tp_holder> all;
    for (const auto &[id, socket] : sockets_)
        for (struct tp_holder holder : socket.holders) {
            holder.more = socket.more;
            all.push_back(holder);
        }
    std::sort(all.begin(), all.end(), [](const struct tp_holder &a, const struct tp_holder &b) {
        return std::tie(a.socket_id, a.pid) < std::tie(b.socket_id, b.pid);
    });
    return all;
}
