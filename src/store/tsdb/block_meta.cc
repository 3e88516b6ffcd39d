#include "tsdb/block_meta.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <iterator>

#include "base/checksum.h"

namespace kw::tsdb {
namespace {

constexpr std::string_view kBase32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::string_view kFirstKey = "kilowatch-block";
constexpr std::string_view kLastKey = "crc32c";

template <typename T>
Result<T> parse_number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return corrupt("\"{}\" is no number", text);
    }
    return value;
}

Result<void> set_field(BlockMeta& meta, std::string_view key, std::string_view value) {
    struct Number {
        std::string_view key;
        uint64_t BlockMeta::* field;
    };
    constexpr Number kNumbers[] = {
        {"histograms", &BlockMeta::histogram_count}, {"generation", &BlockMeta::generation},
        {"series", &BlockMeta::series_count},        {"samples", &BlockMeta::sample_count},
        {"chunks", &BlockMeta::chunk_count},         {"index_bytes", &BlockMeta::index_bytes},
        {"chunks_bytes", &BlockMeta::chunks_bytes},
    };
    for (const Number& number : kNumbers) {
        if (key != number.key) continue;
        KW_TRY_ASSIGN(meta.*number.field, parse_number<uint64_t>(value));
        return {};
    }
    if (key == "min_time") {
        KW_TRY_ASSIGN(meta.range.min.count, parse_number<int64_t>(value));
    } else if (key == "max_time") {
        KW_TRY_ASSIGN(meta.range.max.count, parse_number<int64_t>(value));
    } else if (key == "level") {
        KW_TRY_ASSIGN(meta.level, parse_number<uint32_t>(value));
    } else if (key == "name" || key == "source" || key == "parent") {
        if (!is_block_name(value)) return corrupt("\"{}\" is no block name", value);
        if (key == "name") meta.name = value;
        if (key == "source") meta.sources.emplace_back(value);
        if (key == "parent") meta.parents.emplace_back(value);
    } else if (!key.starts_with("x-")) {
        return unsupported("unknown key \"{}\": written by a newer version", key);
    }
    return {};
}

}  // namespace

std::string make_block_name(Millis now, uint64_t random_high, uint64_t random_low) {
    // 130 bits in 26 digits: two zero bits, 48 of time, 80 of chance.
    const uint64_t high = static_cast<uint64_t>(now.count) << 16 | (random_high & 0xffff);
    std::string name(26, '0');
    for (size_t i = 0; i < 26; ++i) {
        const size_t shift = (25 - i) * 5;  // of the 128-bit number high:low
        uint64_t digit = 0;
        if (shift >= 64) {
            digit = high >> (shift - 64);
        } else {
            digit = random_low >> shift;
            if (shift > 59) digit |= high << (64 - shift);
        }
        name[i] = kBase32[digit & 31];
    }
    return name;
}

bool is_block_name(std::string_view name) {
    return name.size() == 26 && name[0] <= '7' &&
           name.find_first_not_of(kBase32) == std::string_view::npos;
}

std::string format_block_meta(const BlockMeta& meta) {
    std::string text = fmt::format(
        "{} {}\nname {}\nmin_time {}\nmax_time {}\nlevel {}\ngeneration {}\nseries {}\nsamples "
        "{}\n",
        kFirstKey, kBlockVersion, meta.name, meta.range.min.count, meta.range.max.count, meta.level,
        meta.generation, meta.series_count, meta.sample_count);
    // Without the line an older version reads the block; with it, it says that it cannot.
    if (meta.histogram_count > 0) text += fmt::format("histograms {}\n", meta.histogram_count);
    text += fmt::format("chunks {}\nindex_bytes {}\nchunks_bytes {}\n", meta.chunk_count,
                        meta.index_bytes, meta.chunks_bytes);
    for (const std::string& source : meta.sources) text += fmt::format("source {}\n", source);
    for (const std::string& parent : meta.parents) text += fmt::format("parent {}\n", parent);
    return text + fmt::format("{} {:08x}\n", kLastKey, crc32c(as_bytes(text)));
}

Result<BlockMeta> parse_block_meta(std::string_view text) {
    const size_t last = text.rfind(kLastKey);
    if (last == std::string_view::npos || text.size() - last != kLastKey.size() + 10) {
        return corrupt("no checksum at the end of {} bytes", text.size());
    }
    const std::string want =
        fmt::format("{} {:08x}\n", kLastKey, crc32c(as_bytes(text.substr(0, last))));
    if (text.substr(last) != want)
        return corrupt("checksum does not match the {} bytes before", last);

    BlockMeta meta;
    size_t line_number = 0;
    for (std::string_view left = text.substr(0, last); !left.empty();) {
        ++line_number;
        const size_t end = left.find('\n');
        const std::string_view line = left.substr(0, end);
        const size_t space = line.find(' ');
        if (end == std::string_view::npos || space == std::string_view::npos) {
            return corrupt("line {}: \"{}\" is no \"key value\"", line_number, line);
        }
        left.remove_prefix(end + 1);
        const std::string_view key = line.substr(0, space);
        const std::string_view value = line.substr(space + 1);
        if (line_number == 1) {
            if (key != kFirstKey) return corrupt("line 1: \"{}\", want \"{}\"", key, kFirstKey);
            const Result<uint32_t> version = parse_number<uint32_t>(value);
            if (!version.ok()) return Error(version.error()).with_context("line 1");
            if (*version > kBlockVersion) return unsupported("block version {}", *version);
            continue;
        }
        Result<void> set = set_field(meta, key, value);
        if (!set.ok())
            return std::move(set).error().with_context(fmt::format("line {}", line_number));
    }
    if (meta.name.empty()) return corrupt("no name");
    if (meta.range.max < meta.range.min || meta.series_count == 0 ||
        meta.sample_count < meta.series_count) {
        return corrupt("{} series with {} samples from {} to {}", meta.series_count,
                       meta.sample_count, meta.range.min.count, meta.range.max.count);
    }
    return meta;
}

}  // namespace kw::tsdb
