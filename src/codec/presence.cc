#include "codec/presence.h"

#include <algorithm>
#include <bit>

namespace kw::codec {
namespace {

enum class PresenceTag : uint8_t { kAll = 0, kRun = 1, kBitmap = 2, kGaps = 3 };  // on disk

uint64_t last_word_mask(size_t slot_count) {
    return slot_count % 64 == 0 ? ~uint64_t{0} : (uint64_t{1} << (slot_count % 64)) - 1;
}

void set_run(std::span<uint64_t> words, size_t first, size_t count) {
    for (size_t i = first; i < first + count;) {
        const size_t bit = i % 64;
        const size_t run = std::min<size_t>(64 - bit, first + count - i);
        const uint64_t mask = run == 64 ? ~uint64_t{0} : ((uint64_t{1} << run) - 1);
        words[i / 64] |= mask << bit;
        i += run;
    }
}

bool has(std::span<const uint64_t> words, size_t slot) {
    return ((words[slot / 64] >> (slot % 64)) & 1) != 0;
}

}  // namespace

void encode_presence(std::span<const uint64_t> words, size_t slot_count, Bytes& out) {
    const size_t taken = presence_count(words);
    const auto append = [&out](PresenceTag tag, const ByteWriter& body) {
        out.push_back(static_cast<uint8_t>(tag));
        out.insert(out.end(), body.view().begin(), body.view().end());
    };
    if (taken == slot_count) return append(PresenceTag::kAll, {});

    size_t first = 0;
    while (first < slot_count && !has(words, first)) ++first;
    size_t run = 0;
    while (first + run < slot_count && has(words, first + run)) ++run;
    if (run == taken) {
        ByteWriter body;
        body.varint(taken == 0 ? 0 : first);
        body.varint(taken);
        return append(PresenceTag::kRun, body);
    }

    ByteWriter gaps;
    gaps.varint(slot_count - taken);
    size_t next = 0;
    for (size_t slot = 0; slot < slot_count; ++slot) {
        if (has(words, slot)) continue;
        gaps.varint(slot - next);
        next = slot + 1;
    }
    if (gaps.size() < (slot_count + 7) / 8) return append(PresenceTag::kGaps, gaps);
    ByteWriter bitmap;
    for (size_t i = 0; i < (slot_count + 7) / 8; ++i) {
        bitmap.u8(static_cast<uint8_t>(words[i / 8] >> (i % 8 * 8)));
    }
    append(PresenceTag::kBitmap, bitmap);
}

Result<size_t> decode_presence(ByteView bytes, size_t slot_count, std::span<uint64_t> words) {
    ByteReader in(bytes);
    KW_TRY_ASSIGN(const uint8_t tag, in.u8());
    std::fill(words.begin(), words.end(), 0);
    switch (static_cast<PresenceTag>(tag)) {
        case PresenceTag::kAll: set_run(words, 0, slot_count); return in.offset();
        case PresenceTag::kRun: {
            KW_TRY_ASSIGN(const uint64_t first, in.varint());
            KW_TRY_ASSIGN(const uint64_t count, in.varint());
            if (first > slot_count || count > slot_count - first) {
                return corrupt("presence of {} slots from {} of {}", count, first, slot_count);
            }
            set_run(words, first, count);
            return in.offset();
        }
        case PresenceTag::kBitmap: {
            KW_TRY_ASSIGN(const ByteView bitmap, in.take((slot_count + 7) / 8));
            for (size_t i = 0; i < bitmap.size(); ++i) {
                words[i / 8] |= static_cast<uint64_t>(bitmap[i]) << (i % 8 * 8);
            }
            if (!words.empty() && (words.back() & ~last_word_mask(slot_count)) != 0) {
                return corrupt("presence bitmap has bits past slot {}", slot_count);
            }
            return in.offset();
        }
        case PresenceTag::kGaps: {
            KW_TRY_ASSIGN(const uint64_t gaps, in.varint());
            if (gaps > slot_count) return corrupt("{} absent slots of {}", gaps, slot_count);
            set_run(words, 0, slot_count);
            uint64_t slot = 0;
            for (uint64_t i = 0; i < gaps; ++i) {
                KW_TRY_ASSIGN(const uint64_t distance, in.varint());
                if (distance >= slot_count - slot) {
                    return corrupt("absent slot {} past {}", slot, slot_count);
                }
                slot += distance;
                words[slot / 64] &= ~(uint64_t{1} << (slot % 64));
                ++slot;
            }
            return in.offset();
        }
    }
    return corrupt("presence column with tag {}", tag);
}

size_t presence_count(std::span<const uint64_t> words) {
    size_t count = 0;
    for (const uint64_t word : words) count += static_cast<size_t>(std::popcount(word));
    return count;
}

size_t gather_present(std::span<const int64_t> from, std::span<const uint64_t> words,
                      std::span<int64_t> to) {
    size_t count = 0;
    for (size_t i = 0; i < words.size(); ++i) {
        if (words[i] == ~uint64_t{0}) {
            std::copy_n(from.begin() + static_cast<ptrdiff_t>(i * 64), 64,
                        to.begin() + static_cast<ptrdiff_t>(count));
            count += 64;
            continue;
        }
        for (uint64_t word = words[i]; word != 0; word &= word - 1) {
            to[count++] = from[i * 64 + static_cast<size_t>(std::countr_zero(word))];
        }
    }
    return count;
}

}  // namespace kw::codec
