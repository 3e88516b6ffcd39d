// Invariants, checked in release builds too.
//
// KW_CHECK(a)        while reading or evaluating: throws BrokenInvariant, which ends that request
// alone. KW_CHECK_FATAL(a)  while changing durable state: stops the process; replay is then the
// only state to trust.
#pragma once

#include <stdexcept>
#include <string>

namespace kw {

class BrokenInvariant final : public std::logic_error {
 public:
    using std::logic_error::logic_error;
};

[[noreturn]] void throw_broken_invariant(const char* condition, const char* file, int line);
[[noreturn]] void die_of_broken_invariant(const char* condition, const char* file, int line);

}  // namespace kw

#define KW_CHECK(condition)                                                    \
    do {                                                                       \
        if (!(condition)) [[unlikely]]                                         \
            ::kw::throw_broken_invariant(#condition, __FILE_NAME__, __LINE__); \
    } while (false)
#define KW_CHECK_FATAL(condition)                                               \
    do {                                                                        \
        if (!(condition)) [[unlikely]]                                          \
            ::kw::die_of_broken_invariant(#condition, __FILE_NAME__, __LINE__); \
    } while (false)
