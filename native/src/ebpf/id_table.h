// A flat hash table by socket id: most lookups touch one cache line, and no entry has an allocation of its
// own.
//
// Open addressing with linear probing; an erased entry leaves no mark, the entries after it move up. Ids are
// the kernel's socket cookies: in sequence, never 0, which marks a free place. The hash is seeded: a process
// that opens sockets can read their cookies and choose which sockets to keep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

template <typename Value> class IdTable {
  public:
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    // Valid until the next change; nullptr: there is none.
    const Value *find(uint64_t id) const {
        if (size_ == 0)
            return nullptr;
        size_t at = placeOf(id);
        return places_[at].id == id ? &places_[at].value : nullptr;
    }
    Value *find(uint64_t id) { return const_cast<Value *>(std::as_const(*this).find(id)); }
    bool contains(uint64_t id) const { return find(id) != nullptr; }

    // True: the id is new. Else its value is replaced.
    bool set(uint64_t id, const Value &value) {
        if ((size_ + 1) * 4 > places_.size() * 3)
            resize(places_.empty() ? FEWEST_PLACES : places_.size() * 2);
        Place &place = places_[placeOf(id)];
        bool is_new = place.id == FREE;
        place.id = id;
        place.value = value;
        size_ += is_new;
        return is_new;
    }

    bool erase(uint64_t id) {
        if (size_ == 0)
            return false;
        size_t gap = placeOf(id);
        if (places_[gap].id != id)
            return false;
        // A later entry may move into the gap unless its own first place is behind the gap.
        for (size_t at = next(gap); places_[at].id != FREE; at = next(at))
            if (distance(firstPlaceOf(places_[at].id), at) >= distance(gap, at)) {
                places_[gap] = places_[at];
                gap = at;
            }
        places_[gap].id = FREE;
        size_--;
        if (size_ * 8 < places_.size() && places_.size() > FEWEST_PLACES)
            resize(places_.size() / 2);
        return true;
    }

    void clear() {
        places_ = {};
        size_ = 0;
    }

    void swap(IdTable &other) {
        std::swap(places_, other.places_);
        std::swap(size_, other.size_);
        std::swap(seed_, other.seed_);
    }

    template <typename Function> void forEach(Function function) const {
        for (const Place &place : places_)
            if (place.id != FREE)
                function(place.id, place.value);
    }

  private:
    static constexpr uint64_t FREE = 0;
    static constexpr size_t FEWEST_PLACES = 16;

    struct Place {
        uint64_t id;
        [[no_unique_address]] Value value;
    };

    static uint64_t randomSeed() {
        uint64_t seed = 0;
        // Without entropy the hash is as good as one without a seed.
        [[maybe_unused]] int none = getentropy(&seed, sizeof(seed));
        return seed;
    }
    uint64_t hash(uint64_t id) const {
        uint64_t mixed = (id ^ seed_) * 0x9e3779b97f4a7c15ULL;
        return (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93ULL;
    }
    // The number of places is a power of two.
    size_t firstPlaceOf(uint64_t id) const { return hash(id) >> 32 & (places_.size() - 1); }
    size_t next(size_t at) const { return (at + 1) & (places_.size() - 1); }
    size_t distance(size_t from, size_t to) const { return (to - from) & (places_.size() - 1); }

    // The place of the id, or the free place for it.
    size_t placeOf(uint64_t id) const {
        size_t at = firstPlaceOf(id);
        while (places_[at].id != id && places_[at].id != FREE)
            at = next(at);
        return at;
    }

    void resize(size_t count) {
        std::vector<Place> old(count);
        old.swap(places_);
        for (const Place &place : old)
            if (place.id != FREE)
                places_[placeOf(place.id)] = place;
    }

    std::vector<Place> places_;
    size_t size_ = 0;
    uint64_t seed_ = randomSeed();
};

using IdSet = IdTable<std::monostate>;
