#include "tsdb/histogram_column.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "codec/presence.h"
#include "codec/values.h"
#include "model/stored_histogram.h"

namespace kw::tsdb {
namespace {

constexpr uint8_t kByRow = 0;
constexpr uint8_t kByColumn = 1;
// A column of few values costs more than their places in a row: each has some 4 bytes of its own.
constexpr size_t kByColumnMin = 6;

enum class Threshold : uint8_t { kNone = 0, kSmallest = 1, kOther = 2 };  // on disk
// What instrumentation libraries take when nobody says otherwise.
const double kSmallestThreshold = std::ldexp(1.0, -128);

constexpr uint8_t kHintsFollow = 4;

using Column = std::vector<double>;

void put_spans(std::span<const HistogramSpan> spans, ByteWriter& out) {
    out.varint(spans.size());
    for (const HistogramSpan& span : spans) {
        out.varint_signed(span.offset);
        out.varint(span.length);
    }
}

void put_layout(const Histogram& layout, ByteWriter& out) {
    out.varint_signed(layout.schema);
    const auto is = [&](double value) {
        return std::bit_cast<uint64_t>(layout.zero_threshold) == std::bit_cast<uint64_t>(value);
    };
    const Threshold threshold = is(0)                    ? Threshold::kNone
                                : is(kSmallestThreshold) ? Threshold::kSmallest
                                                         : Threshold::kOther;
    out.u8(static_cast<uint8_t>(threshold));
    if (threshold == Threshold::kOther) out.f64(layout.zero_threshold);
    put_spans(layout.positive_spans, out);
    put_spans(layout.negative_spans, out);
    out.varint(layout.custom_values.size());
    Bytes bounds;
    codec::encode_values(layout.custom_values, bounds);
    out.append(bounds);
}

// Bucket `index` of a histogram, the positive ones first.
double bucket(const Histogram& histogram, size_t index) {
    const size_t positive = histogram.positive_buckets.size();
    return index < positive ? histogram.positive_buckets[index]
                            : histogram.negative_buckets[index - positive];
}

void encode_run(std::span<const Histogram* const> run, Bytes& out) {
    const Histogram& layout = *run.front();
    const bool by_column = run.size() >= kByColumnMin;
    ByteWriter head;
    head.varint(run.size());
    head.u8(by_column ? kByColumn : kByRow);
    put_layout(layout, head);
    const auto hint_of = [](const Histogram* one) {
        return static_cast<uint8_t>(one->counter_reset_hint);
    };
    const bool one_hint = std::ranges::all_of(
        run, [&](const Histogram* one) { return hint_of(one) == hint_of(run.front()); });
    head.u8(one_hint ? hint_of(run.front()) : kHintsFollow);
    if (!one_hint) {
        for (const Histogram* one : run) head.u8(hint_of(one));
    }
    out.insert(out.end(), head.view().begin(), head.view().end());

    Column values(run.size());
    const auto put = [&](const auto& value_of) {
        std::ranges::transform(run, values.begin(), value_of);
        codec::encode_values(values, out);
    };
    put([](const Histogram* one) { return one->count; });
    put([](const Histogram* one) { return one->sum; });
    put([](const Histogram* one) { return one->zero_count; });
    const size_t buckets = layout.positive_buckets.size() + layout.negative_buckets.size();
    if (by_column) {
        for (size_t i = 0; i < buckets; ++i) {
            put([&](const Histogram* one) { return bucket(*one, i); });
        }
        return;
    }
    values.clear();
    for (const Histogram* one : run) {
        values.insert(values.end(), one->positive_buckets.begin(), one->positive_buckets.end());
        values.insert(values.end(), one->negative_buckets.begin(), one->negative_buckets.end());
    }
    codec::encode_values(values, out);
}

class Decoder {
 public:
    explicit Decoder(ByteView in) : bytes_(in), in_(in) {}
    size_t offset() const { return in_.offset(); }

    Result<std::vector<uint64_t>> presence(size_t slots) {
        std::vector<uint64_t> words(codec::presence_words(slots));
        KW_TRY_ASSIGN(const size_t used, codec::decode_presence(rest(), slots, words));
        KW_TRY(in_.take(used));
        return words;
    }

    // Appends the histograms of the next run, at most `most`.
    Result<void> run(size_t most, std::vector<HistogramPtr>& into) {
        KW_TRY_ASSIGN(const uint64_t count, in_.varint());
        if (count == 0 || count > most)
            return corrupt("run of {} histograms, {} are left", count, most);
        KW_TRY_ASSIGN(const uint8_t order, in_.u8());
        if (order > kByColumn)
            return corrupt("order {} of buckets before byte {}", order, in_.offset());
        Histogram layout;
        KW_TRY_ASSIGN(const uint64_t positive, take_layout(layout));
        const uint64_t buckets = positive + negative_;
        const uint64_t parts = buckets + histogram_parts(layout);
        if (buckets > kHistogramPartsMax || parts * count > kColumnPartsMax - parts_) {
            return corrupt("{} histograms of {} buckets before byte {}", count, buckets,
                           in_.offset());
        }
        parts_ += parts * count;
        std::vector<std::shared_ptr<Histogram>> made(count);
        for (auto& one : made) {
            one = std::make_shared<Histogram>(layout);
            one->positive_buckets.resize(positive);
            one->negative_buckets.resize(negative_);
        }
        KW_TRY(take_hints(made));
        const auto put = [&](double Histogram::* field) -> Result<void> {
            KW_TRY(take_values(count));
            for (size_t i = 0; i < count; ++i) (*made[i]).*field = values_[i];
            return {};
        };
        KW_TRY(put(&Histogram::count));
        KW_TRY(put(&Histogram::sum));
        KW_TRY(put(&Histogram::zero_count));
        if (order == kByColumn) {
            for (size_t b = 0; b < buckets; ++b) {
                KW_TRY(take_values(count));
                for (size_t i = 0; i < count; ++i) {
                    (b < positive ? made[i]->positive_buckets[b]
                                  : made[i]->negative_buckets[b - positive]) = values_[i];
                }
            }
        } else if (buckets > 0) {
            KW_TRY(take_values(count * buckets));
            auto at = values_.begin();
            for (auto& one : made) {
                std::copy_n(at, positive, one->positive_buckets.begin());
                at += static_cast<ptrdiff_t>(positive);
                std::copy_n(at, negative_, one->negative_buckets.begin());
                at += static_cast<ptrdiff_t>(negative_);
            }
        }
        into.insert(into.end(), std::make_move_iterator(made.begin()),
                    std::make_move_iterator(made.end()));
        return {};
    }

 private:
    ByteView rest() const { return bytes_.subspan(in_.offset()); }

    // Replaces values_ by the next column.
    Result<void> take_values(size_t count) {
        values_.resize(count);
        KW_TRY_ASSIGN(const size_t used, codec::decode_values(rest(), values_));
        KW_TRY(in_.take(used));
        return {};
    }

    // Replaces `spans`; returns the buckets that they promise.
    Result<uint64_t> take_spans(std::vector<HistogramSpan>& spans) {
        KW_TRY_ASSIGN(const uint64_t count, in_.varint());
        if (count > in_.remaining() / 2 || count > kHistogramPartsMax) {
            return corrupt("{} spans before byte {}", count, in_.offset());
        }
        spans.resize(count);
        uint64_t buckets = 0;
        for (HistogramSpan& span : spans) {
            KW_TRY_ASSIGN(const int64_t offset, in_.varint_signed());
            KW_TRY_ASSIGN(const uint64_t length, in_.varint());
            buckets += std::min(length, kHistogramPartsMax + 1);
            if (offset < INT32_MIN || offset > INT32_MAX || buckets > kHistogramPartsMax) {
                return corrupt("span of {} buckets at {} before byte {}", length, offset,
                               in_.offset());
            }
            span = {static_cast<int32_t>(offset), static_cast<uint32_t>(length)};
        }
        return buckets;
    }

    // Sets negative_ too; returns how many positive buckets there are.
    Result<uint64_t> take_layout(Histogram& layout) {
        KW_TRY_ASSIGN(const int64_t schema, in_.varint_signed());
        if (schema < kCustomBucketsSchema || schema > kExponentialSchemaMax) {
            return corrupt("schema {} before byte {}", schema, in_.offset());
        }
        layout.schema = static_cast<int32_t>(schema);
        KW_TRY_ASSIGN(const uint8_t threshold, in_.u8());
        switch (static_cast<Threshold>(threshold)) {
            case Threshold::kNone: break;
            case Threshold::kSmallest: layout.zero_threshold = kSmallestThreshold; break;
            case Threshold::kOther: {
                KW_TRY_ASSIGN(layout.zero_threshold, in_.f64());
                break;
            }
            default: return corrupt("threshold of kind {} before byte {}", threshold, in_.offset());
        }
        KW_TRY_ASSIGN(const uint64_t positive, take_spans(layout.positive_spans));
        KW_TRY_ASSIGN(negative_, take_spans(layout.negative_spans));
        KW_TRY_ASSIGN(const uint64_t bounds, in_.varint());
        if (bounds > kHistogramPartsMax)
            return corrupt("{} bounds before byte {}", bounds, in_.offset());
        if (bounds == 0) return positive;
        KW_TRY(take_values(bounds));
        layout.custom_values = values_;
        return positive;
    }

    Result<void> take_hints(std::vector<std::shared_ptr<Histogram>>& made) {
        KW_TRY_ASSIGN(const uint8_t of_all, in_.u8());
        if (of_all > kHintsFollow) return corrupt("hint {} before byte {}", of_all, in_.offset());
        for (auto& one : made) {
            uint8_t hint = of_all;
            if (of_all == kHintsFollow) {
                KW_TRY_ASSIGN(hint, in_.u8());
            }
            if (hint >= kHintsFollow) return corrupt("hint {} before byte {}", hint, in_.offset());
            one->counter_reset_hint = static_cast<CounterResetHint>(hint);
        }
        return {};
    }

    const ByteView bytes_;
    ByteReader in_;
    uint64_t negative_ = 0;  // buckets of the present run's histograms
    uint64_t parts_ = 0;     // of all runs so far
    Column values_;
};

}  // namespace

void encode_histograms(std::span<const HistogramPtr> histograms, Bytes& out) {
    std::vector<uint64_t> presence(codec::presence_words(histograms.size()));
    std::vector<const Histogram*> all;
    for (size_t i = 0; i < histograms.size(); ++i) {
        if (histograms[i] == nullptr) continue;
        presence[i / 64] |= uint64_t{1} << (i % 64);
        all.push_back(histograms[i].get());
    }
    codec::encode_presence(presence, histograms.size(), out);
    for (size_t begin = 0; begin < all.size();) {
        size_t end = begin + 1;
        while (end < all.size() && same_layout(*all[begin], *all[end])) ++end;
        encode_run(std::span(all).subspan(begin, end - begin), out);
        begin = end;
    }
}

Result<size_t> decode_histograms(ByteView in, std::span<HistogramPtr> out) {
    Decoder decoder(in);
    KW_TRY_ASSIGN(const std::vector<uint64_t> presence, decoder.presence(out.size()));
    const size_t count = codec::presence_count(presence);
    std::vector<HistogramPtr> all;
    while (all.size() < count) KW_TRY(decoder.run(count - all.size(), all));
    size_t next = 0;
    for (size_t i = 0; i < out.size(); ++i) {
        const bool present = (presence[i / 64] >> (i % 64) & 1) != 0;
        out[i] = present ? std::move(all[next++]) : nullptr;
    }
    return decoder.offset();
}

}  // namespace kw::tsdb
