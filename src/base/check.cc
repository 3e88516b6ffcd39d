#include "base/check.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

namespace kw {

void throw_broken_invariant(const char* condition, const char* file, int line) {
    throw BrokenInvariant(fmt::format("broken invariant at {}:{}: {}", file, line, condition));
}

void die_of_broken_invariant(const char* condition, const char* file, int line) {
    fmt::print(stderr, "fatal: broken invariant at {}:{}: {}\n", file, line, condition);
    std::fflush(stderr);
    std::abort();
}

}  // namespace kw
