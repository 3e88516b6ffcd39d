#include "identifiers.h"

#include <atomic>
#include <bit>
#include <cstring>
#include <random>

#include <pthread.h>
#include <sys/random.h>

#include "text.h"

namespace kilowatch {
namespace {

std::atomic<uint32_t> process_generation{1};  // rises in the child of every fork

void count_fork() { process_generation.fetch_add(1, std::memory_order_relaxed); }
[[maybe_unused]] const int fork_is_watched = pthread_atfork(nullptr, nullptr, count_fork);

// xoshiro256**, Blackman and Vigna 2018: 4 words of state, any but all zero.
struct Generator {
    uint64_t state[4];
    uint32_t generation;

    void seed() {
        if (getrandom(state, sizeof state, 0) != static_cast<ssize_t>(sizeof state)) {
            std::random_device device;
            for (uint64_t& word : state) word = (uint64_t{device()} << 32) | device();
        }
        state[0] |= 1;
        generation = process_generation.load(std::memory_order_relaxed);
    }
    uint64_t next() {
        const uint64_t result = std::rotl(state[1] * 5, 7) * 9;
        const uint64_t shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = std::rotl(state[3], 45);
        return result;
    }
};

constinit thread_local Generator generator{};

}  // namespace

uint64_t random_word() {
    if (generator.generation != process_generation.load(std::memory_order_relaxed)) [[unlikely]]
        generator.seed();
    return generator.next();
}

TraceId random_trace_id() {
    uint64_t words[2] = {random_word(), random_word()};
    if (words[0] == 0 && words[1] == 0) words[0] = 1;
    TraceId id;
    std::memcpy(id.bytes.data(), words, sizeof words);
    return id;
}

SpanId random_span_id() {
    uint64_t word = random_word();
    if (word == 0) word = 1;
    SpanId id;
    std::memcpy(id.bytes.data(), &word, sizeof word);
    return id;
}

std::string TraceId::hex() const {
    std::string out;
    append_hex(out, bytes.data(), bytes.size());
    return out;
}

std::string TraceId::uuid() const {
    std::string out = hex();
    for (const size_t at : {20, 16, 12, 8}) out.insert(at, 1, '-');
    return out;
}

std::string SpanId::hex() const {
    std::string out;
    append_hex(out, bytes.data(), bytes.size());
    return out;
}

}  // namespace kilowatch
