// Sorts what may be millions of things and stops when it is cancelled, within some hundred comparisons.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace kw {

// Comparisons between two looks at the token: of label sets, some 100 us.
inline constexpr size_t kComparisonsPerCheck = 512;

// std::sort. After an error `items` has unspecified values. Errors: kCancelled, kTimeout.
template <typename T, typename Less>
Result<void> interruptible_sort(std::vector<T>& items, const CancelToken& cancel, Less less) {
    // Nothing but a throw leaves std::sort in the middle; it goes no further than this function.
    struct Stopped {
        Error error;
    };
    size_t comparisons = 0;
    try {
        std::sort(items.begin(), items.end(), [&](const T& a, const T& b) {
            if (++comparisons % kComparisonsPerCheck == 0) {
                if (Result<void> going = cancel.check(); !going.ok())
                    throw Stopped{std::move(going).error()};
            }
            return less(a, b);
        });
    } catch (Stopped& stopped) {
        return std::move(stopped.error);
    }
    return {};
}

}  // namespace kw
