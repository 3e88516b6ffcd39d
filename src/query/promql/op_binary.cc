#include "promql/op_binary.h"

#include <algorithm>
#include <unordered_map>

#include "promql/arithmetic.h"
#include "promql/histogram_binary.h"
#include "promql/label_sets.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

// As Prometheus has labels in errors: the metric's name among the others, {__name__="a", b="c"}.
std::string in_braces(const LabelSet& labels) {
    std::string out;
    for (const LabelView& label : labels) {
        out += out.empty() ? "" : ", ";
        out += is_classic_label_name(label.name) ? std::string(label.name) : quoted(label.name);
        out += "=" + quoted(label.value);
    }
    return "{" + out + "}";
}

// The "one" side of a signature: which of its series has the value at each step.
struct OneSide {
    std::vector<uint32_t> series;
    // Only when there are several; else series[0] stands for all steps.
    std::vector<uint32_t> at_step;  // kNone: no series has a value
};

// Joins two collected sides. After the swap for one-to-many, `many` is the side that may have several series
// with one signature, `one` the other.
class Join final {
 public:
    Join(QueryContext& context, const StepGrid& grid, const BinaryExpr& binary, Span where,
         const StepVector& lhs, const StepVector& rhs)
        : context_(context),
          remarks_(context, "", where),
          only_floats_(!context.has_histograms() && !is_trim(binary.op)),
          grid_(grid),
          binary_(binary),
          matching_(*binary.matching),
          swapped_(matching_.cardinality == Cardinality::kOneToMany),
          many_(swapped_ ? rhs : lhs),
          one_(swapped_ ? lhs : rhs),
          fill_many_(matching_.fill_left),
          fill_one_(matching_.fill_right),
          result_choice_(matching_.on ? LabelChoice::Kind::kOnly : LabelChoice::Kind::kExcept,
                         matching_.labels) {}

    Result<StepVector> run() {
        KW_TRY_ASSIGN(Signatures signatures, signatures_of(context_, swapped_ ? one_ : many_,
                                                           swapped_ ? many_ : one_, matching_));
        signature_labels_ = std::move(signatures.labels);
        many_signature_ = swapped_ ? std::move(signatures.rhs) : std::move(signatures.lhs);
        one_signature_ = swapped_ ? std::move(signatures.lhs) : std::move(signatures.rhs);
        KW_TRY(place_one_side());
        Result<void> done;
        if (is_trim(binary_.op))
            done = join([](double, double) { return kAbsent; });
        else
            visit_arithmetic(binary_.op, [&](auto f) { done = join(f); });
        KW_TRY(std::move(done));
        std::erase_if(out_.series, [](const StepSeries& series) {
            return std::ranges::all_of(series.values, is_absent);
        });
        return std::move(out_);
    }

 private:
    // Whether a side has any value, at each step.
    std::vector<uint8_t> presence(const StepVector& side) const {
        std::vector<uint8_t> any(grid_.count);
        for (const StepSeries& series : side.series) {
            for (size_t step = 0; step < grid_.count; ++step)
                any[step] |= !is_absent(series.values[step]);
        }
        return any;
    }

    Result<void> place_one_side() {
        one_sides_.resize(signature_labels_.size());
        for (uint32_t i = 0; i < one_signature_.size(); ++i)
            one_sides_[one_signature_[i]].series.push_back(i);
        std::vector<uint8_t>
            many_present;  // with the other side empty nothing is matched, nor refused
        for (uint32_t signature = 0; signature < one_sides_.size(); ++signature) {
            OneSide& side = one_sides_[signature];
            if (side.series.size() < 2) continue;
            if (many_present.empty()) many_present = presence(many_);
            side.at_step.assign(grid_.count, kNone);
            for (const uint32_t i : side.series) {
                KW_TRY(context_.check());
                const Column& values = one_.series[i].values;
                for (size_t step = 0; step < grid_.count; ++step) {
                    if (is_absent(values[step])) continue;
                    uint32_t& there = side.at_step[step];
                    if (there != kNone && (many_present[step] || fill_many_)) {
                        return duplicate(signature, i, there);
                    }
                    there = i;
                }
            }
        }
        return {};
    }

    Error duplicate(uint32_t signature, uint32_t second, uint32_t first) const {
        return invalid(
            "found duplicate series for the match group {} on the {} hand-side of the operation: "
            "[{}, "
            "{}];many-to-many matching not allowed: matching labels must be unique on one side",
            in_braces(signature_labels_[signature]), swapped_ ? "left" : "right",
            in_braces(one_.series[second].labels), in_braces(one_.series[first].labels));
    }

    // The labels of the result of `many` and `one`, either of which may be the signature of a filled side.
    LabelSet result_labels(const LabelSet& many, const LabelSet& one) const {
        LabelSet base = is_arithmetic(binary_.op) ? without_name(many) : many;
        if (matching_.cardinality == Cardinality::kOneToOne) base = result_choice_.of(base);
        if (!matching_.include.empty()) {
            LabelBuilder builder(base);
            for (const std::string& name : matching_.include) builder.set(name, one.get(name));
            base = builder.build();
        }
        if (binary_.return_bool && !context_.settings().delayed_name_removal)
            base = without_name(base);
        return base;
    }

    Result<size_t> output_of(LabelSet labels, bool drop_name) {
        const auto [it, is_new] = outputs_.try_emplace(std::move(labels), out_.series.size());
        if (is_new) {
            KW_TRY(context_.keep(out_.hold, 0, grid_.count * sizeof(double)));
            out_.series.push_back({it->first, drop_name, Column(grid_.count, kAbsent)});
            writer_.emplace_back();
        }
        return it->second;
    }

    // Puts a value into an output series; `signature` wrote it.
    Result<void> put(size_t output, uint32_t signature, size_t step, double value) {
        double& there = out_.series[output].values[step];
        if (!is_absent(there)) {
            if (matching_.cardinality != Cardinality::kOneToOne && writer_[output] == signature) {
                return invalid(
                    "multiple matches for labels: grouping labels must ensure unique matches");
            }
            return invalid("vector cannot contain metrics with the same labelset");
        }
        there = value;
        writer_[output] = signature;
        return {};
    }

    template <typename F>
    double evaluate_floats(F f, double lhs, double rhs) const {
        const double result = f(lhs, rhs);
        if (!is_comparison(binary_.op) || binary_.return_bool) return result;
        return result != 0 ? lhs : kAbsent;
    }

    template <typename F>
    Result<void> evaluate(F f, double many, double one, double& value) const {
        const double lhs = swapped_ ? one : many;
        const double rhs = swapped_ ? many : one;
        if (only_floats_ || (!is_trim(binary_.op) && !is_histogram(lhs) && !is_histogram(rhs))) {
            value = evaluate_floats(f, lhs, rhs);
            return {};
        }
        KW_TRY_ASSIGN(
            value, histogram_binary(context_, binary_.op, binary_.return_bool, lhs, rhs, remarks_));
        return {};
    }

    template <typename F>
    Result<void> join(F f) {
        const bool is_one_to_one = matching_.cardinality == Cardinality::kOneToOne;
        std::vector<uint32_t> many_count(signature_labels_.size());
        for (const uint32_t signature : many_signature_) ++many_count[signature];
        // Which steps of a signature have been matched: needed to refuse a second match, and to fill.
        std::vector<std::vector<uint8_t>> matched(signature_labels_.size());

        for (uint32_t i = 0; i < many_.series.size(); ++i) {
            KW_TRY(context_.check());
            const StepSeries& many = many_.series[i];
            const uint32_t signature = many_signature_[i];
            const OneSide& side = one_sides_[signature];
            if (side.series.empty() && !fill_one_) continue;
            std::vector<uint8_t>* seen = nullptr;
            if ((is_one_to_one && many_count[signature] > 1) || fill_many_) {
                seen = &matched[signature];
                seen->resize(grid_.count);
            }
            const bool drop_name =
                binary_.return_bool || (many.drop_name && !is_arithmetic(binary_.op));
            uint32_t partner = kNone - 1;  // of the labels in `output`
            size_t output = 0;
            for (size_t step = 0; step < grid_.count; ++step) {
                if (is_absent(many.values[step])) continue;
                uint32_t one = side.series.empty()    ? kNone
                               : side.at_step.empty() ? side.series[0]
                                                      : side.at_step[step];
                double one_value = one == kNone ? kAbsent : one_.series[one].values[step];
                if (is_absent(one_value)) {
                    if (!fill_one_) continue;
                    one = kNone;
                    one_value = *fill_one_;
                }
                if (seen != nullptr) {
                    if ((*seen)[step] && is_one_to_one) {
                        return invalid(
                            "multiple matches for labels: many-to-one matching must be explicit "
                            "(group_left/group_right)");
                    }
                    (*seen)[step] = 1;
                }
                double value = kAbsent;
                KW_TRY(evaluate(f, many.values[step], one_value, value));
                if (is_absent(value)) continue;
                if (one != partner) {
                    const LabelSet& one_labels =
                        one == kNone ? signature_labels_[signature] : one_.series[one].labels;
                    KW_TRY_ASSIGN(output,
                                  output_of(result_labels(many.labels, one_labels), drop_name));
                    partner = one;
                }
                KW_TRY(put(output, signature, step, value));
            }
        }
        if (fill_many_) KW_TRY(join_unmatched(f, matched));
        return {};
    }

    // Values of the one side that nothing matched, against the fill value.
    template <typename F>
    Result<void> join_unmatched(F f, const std::vector<std::vector<uint8_t>>& matched) {
        for (uint32_t i = 0; i < one_.series.size(); ++i) {
            KW_TRY(context_.check());
            const StepSeries& one = one_.series[i];
            const uint32_t signature = one_signature_[i];
            const std::vector<uint8_t>& seen = matched[signature];
            std::optional<size_t> output;
            for (size_t step = 0; step < grid_.count; ++step) {
                if (is_absent(one.values[step]) || (!seen.empty() && seen[step])) continue;
                double value = kAbsent;
                KW_TRY(evaluate(f, *fill_many_, one.values[step], value));
                if (is_absent(value)) continue;
                if (!output) {
                    KW_TRY_ASSIGN(output,
                                  output_of(result_labels(signature_labels_[signature], one.labels),
                                            binary_.return_bool));
                }
                KW_TRY(put(*output, signature, step, value));
            }
        }
        return {};
    }

    QueryContext& context_;
    const HistogramRemarks remarks_;
    const bool only_floats_;  // of both sides
    const StepGrid& grid_;
    const BinaryExpr& binary_;
    const VectorMatching& matching_;
    const bool swapped_;
    const StepVector& many_;
    const StepVector& one_;
    const std::optional<double> fill_many_;
    const std::optional<double> fill_one_;
    const LabelChoice result_choice_;
    std::vector<LabelSet> signature_labels_;
    std::vector<uint32_t> many_signature_;
    std::vector<uint32_t> one_signature_;
    std::vector<OneSide> one_sides_;  // of each signature
    StepVector out_;
    std::unordered_map<LabelSet, size_t, LabelSetHash> outputs_;
    std::vector<uint32_t> writer_;  // of each output: the signature that wrote last
};

}  // namespace

Result<Signatures> signatures_of(const QueryContext& context, const StepVector& lhs,
                                 const StepVector& rhs, const VectorMatching& matching) {
    const LabelChoice choice(
        matching.on ? LabelChoice::Kind::kOnly : LabelChoice::Kind::kExceptAndName,
        matching.labels);
    Signatures out;
    std::unordered_map<LabelSet, uint32_t, LabelSetHash> numbers;
    const auto number_side = [&](const StepVector& side,
                                 std::vector<uint32_t>& of) -> Result<void> {
        of.reserve(side.series.size());
        for (const StepSeries& series : side.series) {
            KW_TRY(context.check_at(of.size()));
            const auto next = static_cast<uint32_t>(out.labels.size());
            const auto [it, is_new] = numbers.try_emplace(choice.of(series.labels), next);
            if (is_new) out.labels.push_back(it->first);
            of.push_back(it->second);
        }
        return {};
    };
    KW_TRY(number_side(lhs, out.lhs));
    KW_TRY(number_side(rhs, out.rhs));
    return out;
}

VectorBinaryOperator::VectorBinaryOperator(const BinaryExpr& binary, Span where,
                                           std::unique_ptr<VectorOperator> lhs,
                                           std::unique_ptr<VectorOperator> rhs)
    : binary_(binary), where_(where), lhs_(std::move(lhs)), rhs_(std::move(rhs)) {}

Result<std::unique_ptr<SeriesStream>> VectorBinaryOperator::open(QueryContext& context,
                                                                 const StepGrid& grid) const {
    KW_TRY_ASSIGN(const StepVector lhs, collect(context, grid, *lhs_));
    // With nothing on one side, and nothing to fill it, the other need not be known.
    if (lhs.series.empty() && !binary_.matching->fill_left && !binary_.matching->fill_right) {
        return stream_of(StepVector{});
    }
    KW_TRY_ASSIGN(const StepVector rhs, collect(context, grid, *rhs_));
    KW_TRY_ASSIGN(StepVector joined, Join(context, grid, binary_, where_, lhs, rhs).run());
    return stream_of(std::move(joined));
}

}  // namespace kw::promql
