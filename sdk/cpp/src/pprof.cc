#include "pprof.h"

#include <protozero/pbf_writer.hpp>

#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "gzip.h"
#include "stack_sample.h"
#include "symbols.h"
#include "text.h"

namespace kilowatch {
namespace {

constexpr size_t kTraceWords = kSampleHead - 1;

// profile.proto: Profile, ValueType, Sample, Label, Mapping, Location, Line, Function.
enum : protozero::pbf_tag_type {
    kSampleType = 1,
    kSample = 2,
    kMapping = 3,
    kLocation = 4,
    kFunction = 5,
    kString = 6,
    kTimeNanos = 9,
    kDurationNanos = 10,
    kPeriodType = 11,
    kPeriod = 12,
    kDefaultSampleType = 14
};
enum : protozero::pbf_tag_type { kTypeName = 1, kTypeUnit = 2 };
enum : protozero::pbf_tag_type { kSampleLocations = 1, kSampleValues = 2, kSampleLabel = 3 };
enum : protozero::pbf_tag_type { kLabelKey = 1, kLabelText = 2 };
enum : protozero::pbf_tag_type {
    kMappingId = 1,
    kMappingStart = 2,
    kMappingLimit = 3,
    kMappingOffset = 4,
    kMappingFile = 5,
    kMappingHasFunctions = 7
};
enum : protozero::pbf_tag_type {
    kLocationId = 1,
    kLocationMapping = 2,
    kLocationAddress = 3,
    kLocationLine = 4
};
enum : protozero::pbf_tag_type { kLineFunction = 1 };
enum : protozero::pbf_tag_type { kFunctionId = 1, kFunctionName = 2, kFunctionSystemName = 3 };

std::vector<uint64_t> words_of(const std::string& key) {
    std::vector<uint64_t> words(key.size() / sizeof(uint64_t));
    std::memcpy(words.data(), key.data(), words.size() * sizeof(uint64_t));
    return words;
}

// NOLINTNEXTLINE(performance-no-int-to-ptr): as the handler wrote it
const char* scope_name(uint64_t frame) { return reinterpret_cast<const char*>(frame & ~kScopeBit); }

// Whether `function`, demangled, is called `name` (without namespaces, arguments and templates).
bool is_called(std::string_view function, std::string_view name) {
    const auto is_word = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    };
    for (size_t at = function.find(name); at != std::string_view::npos;
         at = function.find(name, at + 1)) {
        const size_t end = at + name.size();
        if ((at == 0 || !is_word(function[at - 1])) &&
            (end == function.size() || !is_word(function[end])))
            return true;
    }
    return false;
}

class PprofWriter final {
 public:
    PprofWriter() { string(""); }

    void sample(const std::vector<uint64_t>& words, uint64_t count, int64_t period) {
        std::vector<uint64_t> locations;
        const char* scope = nullptr;  // the innermost
        std::string function;         // the last one
        for (size_t i = kTraceWords; i < words.size(); ++i) {
            if (words[i] & kScopeBit) {
                const char* const name = scope_name(words[i]);
                if (!scope) scope = name;
                const uint64_t owner = (words[++i] & ~kOwnerBit) - 1;
                if (function != name_of(owner)) locations.push_back(location(owner));
                if (!is_called(name_of(owner), name)) locations.push_back(scope_location(name));
                function = name_of(owner);
            } else {
                // Addresses but the innermost are where a call returns to: the call lies before.
                const uint64_t address = i == kTraceWords ? words[i] : words[i] - 1;
                locations.push_back(location(address));
                function = name_of(address);
            }
        }
        protozero::pbf_writer out(writer_, kSample);
        out.add_packed_uint64(kSampleLocations, locations.begin(), locations.end());
        const int64_t values[] = {static_cast<int64_t>(count),
                                  static_cast<int64_t>(count) * period};
        out.add_packed_int64(kSampleValues, std::begin(values), std::end(values));
        if (scope) label(out, "scope", scope);
        if (words[0] != 0 || words[1] != 0) {
            std::string hex;
            append_hex(hex, reinterpret_cast<const uint8_t*>(words.data()), 2 * sizeof(uint64_t));
            label(out, "trace_id", hex);
        }
    }

    std::string finish(const ProfileTime& time) {
        const auto value_type = [&](protozero::pbf_tag_type field, const char* name,
                                    const char* unit) {
            const int64_t name_index = string(name);
            const int64_t unit_index = string(unit);
            protozero::pbf_writer out(writer_, field);
            out.add_int64(kTypeName, name_index);
            out.add_int64(kTypeUnit, unit_index);
        };
        value_type(kSampleType, "samples", "count");
        value_type(kSampleType, "cpu", "nanoseconds");
        value_type(kPeriodType, "cpu", "nanoseconds");
        writer_.add_int64(kPeriod, time.period.count());
        writer_.add_int64(kTimeNanos, time.start.time_since_epoch().count());
        writer_.add_int64(kDurationNanos, time.duration.count());
        writer_.add_int64(kDefaultSampleType, string("cpu"));
        const auto& mappings = symbols_.mappings();
        for (size_t i = 0; i < mappings.size(); ++i) {
            const int64_t path = string(mappings[i].path);
            protozero::pbf_writer out(writer_, kMapping);
            out.add_uint64(kMappingId, i + 1);
            out.add_uint64(kMappingStart, mappings[i].begin);
            out.add_uint64(kMappingLimit, mappings[i].end);
            out.add_uint64(kMappingOffset, mappings[i].file_offset);
            out.add_int64(kMappingFile, path);
            out.add_bool(kMappingHasFunctions, true);
        }
        for (const std::string* text : strings_in_order_) writer_.add_string(kString, *text);
        return std::move(bytes_);
    }

 private:
    int64_t string(std::string_view text) {
        const auto [at, added] = strings_.try_emplace(std::string(text), strings_.size());
        if (added) strings_in_order_.push_back(&at->first);
        return static_cast<int64_t>(at->second);
    }

    void label(protozero::pbf_writer& sample, std::string_view key, std::string_view text) {
        protozero::pbf_writer out(sample, kSampleLabel);
        out.add_int64(kLabelKey, string(key));
        out.add_int64(kLabelText, string(text));
    }

    uint64_t function_id(const std::string& name) {
        const auto [at, added] = functions_.try_emplace(name, functions_.size() + 1);
        if (added) {
            const int64_t text = string(valid_utf8(name));
            protozero::pbf_writer out(writer_, kFunction);
            out.add_uint64(kFunctionId, at->second);
            out.add_int64(kFunctionName, text);
            out.add_int64(kFunctionSystemName, text);
        }
        return at->second;
    }

    const std::string& name_of(uint64_t address) {
        const auto [at, added] = names_.try_emplace(address);
        if (added) at->second = symbols_.name_of(address);
        return at->second;
    }

    uint64_t location(uint64_t address) {
        const auto [at, added] = locations_.try_emplace(address, locations_.size() + 1);
        if (added) {
            const uint64_t id = function_id(name_of(address));
            const int mapping = symbols_.mapping_of(address);
            protozero::pbf_writer out(writer_, kLocation);
            out.add_uint64(kLocationId, at->second);
            if (mapping >= 0) out.add_uint64(kLocationMapping, mapping + 1);
            out.add_uint64(kLocationAddress, address);
            line(out, id);
        }
        return at->second;
    }

    // By the name's address with its bit, which no address of code has.
    uint64_t scope_location(const char* name) {
        const uint64_t key = reinterpret_cast<uintptr_t>(name) | kScopeBit;
        const auto [at, added] = locations_.try_emplace(key, locations_.size() + 1);
        if (added) {
            const uint64_t id = function_id(name);
            protozero::pbf_writer out(writer_, kLocation);
            out.add_uint64(kLocationId, at->second);
            line(out, id);
        }
        return at->second;
    }

    static void line(protozero::pbf_writer& location, uint64_t function) {
        protozero::pbf_writer out(location, kLocationLine);
        out.add_uint64(kLineFunction, function);
    }

    std::string bytes_;
    protozero::pbf_writer writer_{bytes_};
    Symbols symbols_;
    std::map<std::string, uint64_t> strings_;
    std::vector<const std::string*> strings_in_order_;
    std::map<std::string, uint64_t> functions_;
    std::unordered_map<uint64_t, uint64_t> locations_;
    std::unordered_map<uint64_t, std::string> names_;
};

}  // namespace

bool StackCounts::add(std::span<const uint64_t> sample) {
    if (sample.size() <= kSampleHead) return false;
    const uint64_t count = sample[0];
    std::string key(reinterpret_cast<const char*>(sample.data() + 1),
                    (sample.size() - 1) * sizeof(uint64_t));
    auto found = counts_.find(key);
    if (found == counts_.end() && counts_.size() >= stacks_max_) {
        std::memset(key.data(), 0, kTraceWords * sizeof(uint64_t));
        found = counts_.find(key);
        if (found == counts_.end()) return false;
    }
    if (found == counts_.end()) found = counts_.emplace(std::move(key), 0).first;
    found->second += count;
    return true;
}

std::string encode_pprof(const StackCounts& stacks, const ProfileTime& time) {
    PprofWriter writer;
    for (const auto& [key, count] : stacks.all())
        writer.sample(words_of(key), count, time.period.count());
    return gzip(writer.finish(time));
}

std::string encode_legacy(const StackCounts& stacks, const ProfileTime& time) {
    const auto period_us = std::chrono::duration_cast<std::chrono::microseconds>(time.period);
    std::vector<uint64_t> words{0, 3, 0, static_cast<uint64_t>(period_us.count()), 0};
    Symbols symbols;
    for (const auto& [key, count] : stacks.all()) {
        const std::vector<uint64_t> frames = words_of(key);
        std::vector<uint64_t> addresses;
        std::string function;  // the last one
        for (size_t i = kTraceWords; i < frames.size(); ++i) {
            if (frames[i] & kScopeBit) continue;  // the format has no place for its name
            const uint64_t address = frames[i] & ~kOwnerBit;
            const bool is_owner = (frames[i] & kOwnerBit) != 0;
            std::string name = symbols.name_of(i == kTraceWords ? address : address - 1);
            if (!is_owner || name != function) addresses.push_back(address);
            function = std::move(name);
        }
        words.push_back(count);
        words.push_back(addresses.size());
        words.insert(words.end(), addresses.begin(), addresses.end());
    }
    words.insert(words.end(), {0, 1, 0});
    std::string out(reinterpret_cast<const char*>(words.data()), words.size() * sizeof(uint64_t));
    std::ifstream maps("/proc/self/maps", std::ios::binary);
    out.append(std::istreambuf_iterator<char>(maps), {});
    return out;
}

}  // namespace kilowatch
