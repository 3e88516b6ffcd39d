#include "base/interruptible_sort.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace kw {
namespace {

TEST(InterruptibleSort, Sorts) {
    std::mt19937 random(7);
    for (const size_t size : {0u, 1u, 2u, 511u, 100'000u}) {
        std::vector<uint32_t> items(size);
        std::iota(items.begin(), items.end(), 0u);
        std::ranges::shuffle(items, random);
        const CancelToken cancel;
        ASSERT_TRUE(interruptible_sort(items, cancel, std::less<>()).ok());
        EXPECT_TRUE(std::ranges::is_sorted(items));
    }
}

TEST(InterruptibleSort, StopsInTheMiddle) {
    std::vector<uint32_t> items(100'000);
    std::iota(items.rbegin(), items.rend(), 0u);
    CancelToken cancel;
    size_t comparisons = 0;
    const Result<void> done = interruptible_sort(items, cancel, [&](uint32_t a, uint32_t b) {
        if (++comparisons == 1'000) cancel.cancel();
        return a < b;
    });
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, Code::kCancelled);
    EXPECT_LT(comparisons, 1'000 + 2 * kComparisonsPerCheck);
}

}  // namespace
}  // namespace kw
