// Label sets: the identity of a series.
//
// A LabelSet is sorted by name, its names are unique and its values not empty (an empty value means
// that the label is absent, as in Prometheus). Nothing else can be built, so the type is the proof.
// It is stored as one string, so that a set costs one allocation and compares, hashes and copies as
// bytes:
//     for each label: varint length of name, name, varint length of value, value
// Names may be any non-empty UTF-8 (Prometheus 3); who accepts less checks it at the edge.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace kw {

inline constexpr std::string_view kMetricName = "__name__";

struct LabelView {
    std::string_view name;
    std::string_view value;
    bool operator==(const LabelView&) const = default;
    auto operator<=>(const LabelView&) const = default;
};

class LabelSet {
 public:
    LabelSet() = default;
    // Sorts; drops labels with an empty value; of two with one name the later wins. For tests and
    // code whose labels are known good.
    LabelSet(std::initializer_list<LabelView> labels);

    // Sorts and drops empty values. Errors: kInvalid for an empty or a repeated name.
    static Result<LabelSet> from(std::vector<LabelView> labels);
    // Takes labels that are sorted, unique and without empty values already: checked, without a
    // sort. Errors: kInvalid.
    static Result<LabelSet> from_sorted(const std::vector<LabelView>& labels);
    // Takes bytes that encoded() gave. Errors: kCorrupt when they are not that.
    static Result<LabelSet> decode(std::string_view encoded);

    class Iterator {
     public:
        using value_type = LabelView;
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        Iterator(const char* at, const char* end) : next_(at), end_(end) { ++*this; }
        const LabelView& operator*() const { return label_; }
        const LabelView* operator->() const { return &label_; }
        Iterator& operator++();
        Iterator operator++(int) {
            Iterator old = *this;
            ++*this;
            return old;
        }
        bool operator==(const Iterator& other) const { return at_ == other.at_; }

     private:
        const char* at_ = nullptr;
        const char* next_ = nullptr;
        const char* end_ = nullptr;
        LabelView label_;
    };
    // Views of this set's own bytes.
    Iterator begin() const { return {bytes_.data(), bytes_.data() + bytes_.size()}; }
    Iterator end() const;

    bool empty() const { return bytes_.empty(); }
    size_t size() const;
    // The value of `name`, empty when absent. Linear: sets are small.
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const { return !get(name).empty(); }
    std::string_view metric_name() const { return get(kMetricName); }

    std::string_view encoded() const { return bytes_; }
    uint64_t hash() const;

    bool operator==(const LabelSet&) const = default;
    // Pair by pair, names before values: the order of Prometheus' answers.
    std::strong_ordering operator<=>(const LabelSet& other) const;

    // Prometheus' text: name{a="b", c="d"}; quotes names that are not classic. "{}" when empty.
    std::string to_string() const;

 private:
    friend class LabelBuilder;
    std::string bytes_;
};

// Changes a label set: starts from a base, collects changes, builds once.
class LabelBuilder {
 public:
    LabelBuilder() = default;
    explicit LabelBuilder(const LabelSet& base) { reset(base); }

    void reset(const LabelSet& base);
    // An empty value removes.
    LabelBuilder& set(std::string_view name, std::string_view value);
    LabelBuilder& remove(std::string_view name);
    // The value now, empty when absent. Valid until the next change.
    std::string_view get(std::string_view name) const;
    // The labels now, sorted by name.
    const std::vector<std::pair<std::string, std::string>>& labels() const { return labels_; }
    LabelSet build() const;

 private:
    std::vector<std::pair<std::string, std::string>> labels_;  // sorted by name, no empty value
};

// [a-zA-Z_][a-zA-Z0-9_]*
bool is_classic_label_name(std::string_view name);
// [a-zA-Z_:][a-zA-Z0-9_:]*
bool is_classic_metric_name(std::string_view name);
bool is_valid_utf8(std::string_view text);
// Which names of labels and metrics are accepted.
enum class NameScheme : unsigned char {
    kUtf8,    // any UTF-8 but nothing: Prometheus 3
    kLegacy,  // the classic ones above
};
bool is_valid_label_name(std::string_view name, NameScheme scheme);
bool is_valid_metric_name(std::string_view name, NameScheme scheme);
// With quotes, \\, \" and \n escaped as in PromQL and the exposition formats.
std::string quoted(std::string_view text);

struct LabelSetHash {
    size_t operator()(const LabelSet& labels) const { return labels.hash(); }
};

}  // namespace kw
