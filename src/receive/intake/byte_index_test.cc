#include "intake/byte_index.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <unordered_map>

#include "base/checksum.h"

namespace kw::intake {
namespace {

TEST(ByteIndex, NumbersInOrderOfInsertion) {
    ByteIndex index;
    EXPECT_EQ(index.find(hash64("a"), "a"), ByteIndex::kNone);
    EXPECT_EQ(index.insert(hash64("a"), "a"), 0U);
    EXPECT_EQ(index.insert(hash64(""), ""), 1U);
    EXPECT_EQ(index.find(hash64("a"), "a"), 0U);
    EXPECT_EQ(index.find(hash64(""), ""), 1U);
    EXPECT_EQ(index.key(0), "a");
}

TEST(ByteIndex, TellsEqualHashesApart) {
    ByteIndex index;
    for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(index.insert(42, std::to_string(i)), i);
    for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(index.find(42, std::to_string(i)), i);
    EXPECT_EQ(index.find(42, "100"), ByteIndex::kNone);
}

TEST(ByteIndex, AgreesWithAStandardMap) {
    std::mt19937_64 random(3);
    ByteIndex index;
    std::unordered_map<std::string, uint32_t> want;
    for (int i = 0; i < 20'000; ++i) {
        std::string key = std::to_string(random() % 10'000);
        key.append(random() % 100, 'x');
        const uint64_t hash = hash64(key);
        const auto it = want.find(key);
        const uint32_t got = index.find(hash, key);
        ASSERT_EQ(got, it == want.end() ? ByteIndex::kNone : it->second);
        if (got == ByteIndex::kNone) want[key] = index.insert(hash, key);
    }
    ASSERT_EQ(index.size(), want.size());
    for (const auto& [key, number] : want) EXPECT_EQ(index.key(number), key);
    EXPECT_GT(index.bytes(), 0U);
    index.clear();
    EXPECT_EQ(index.size(), 0U);
}

}  // namespace
}  // namespace kw::intake
