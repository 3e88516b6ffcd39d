#include "promql/op_special.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

bool is_label_name(std::string_view name) { return !name.empty() && is_valid_utf8(name); }

}  // namespace

LabelReplaceOperator::LabelReplaceOperator(std::unique_ptr<VectorOperator> vector,
                                           std::string destination, std::string replacement,
                                           std::string source, std::string regex)
    : vector_(std::move(vector)),
      destination_(std::move(destination)),
      replacement_(std::move(replacement)),
      source_(std::move(source)),
      regex_(std::move(regex)) {}

Result<std::unique_ptr<SeriesStream>> LabelReplaceOperator::open(QueryContext& context,
                                                                 const StepGrid& grid) const {
    Result<AnchoredRegex> regex = AnchoredRegex::compile(regex_);
    if (!regex.ok()) return invalid("invalid regular expression in label_replace(): {}", regex_);
    if (!is_label_name(destination_)) {
        return invalid("invalid destination label name in label_replace(): {}", destination_);
    }
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    std::vector<LabelSet> labels;
    std::vector<bool> drop_names;
    LabelBuilder builder;
    std::string value;
    for (size_t i = 0; i < stream->size(); ++i) {
        KW_TRY(context.check_at(i));
        const LabelSet& before = stream->labels(i);
        labels.push_back(before);
        drop_names.push_back(stream->drops_name(i));
        value.clear();
        if (!regex->expand(before.get(source_), replacement_, value)) continue;
        builder.reset(before);
        builder.set(destination_, value);
        labels.back() = builder.build();
        if (destination_ == kMetricName) drop_names.back() = false;
    }
    return with_labels(context, grid, std::move(stream), std::move(labels), std::move(drop_names));
}

LabelJoinOperator::LabelJoinOperator(std::unique_ptr<VectorOperator> vector,
                                     std::string destination, std::string separator,
                                     std::vector<std::string> sources)
    : vector_(std::move(vector)),
      destination_(std::move(destination)),
      separator_(std::move(separator)),
      sources_(std::move(sources)) {}

Result<std::unique_ptr<SeriesStream>> LabelJoinOperator::open(QueryContext& context,
                                                              const StepGrid& grid) const {
    if (!is_label_name(destination_)) {
        return invalid("invalid destination label name in label_join(): {}", destination_);
    }
    for (const std::string& source : sources_) {
        if (!is_label_name(source))
            return invalid("invalid source label name in label_join(): {}", source);
    }
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    std::vector<LabelSet> labels;
    std::vector<bool> drop_names;
    LabelBuilder builder;
    for (size_t i = 0; i < stream->size(); ++i) {
        KW_TRY(context.check_at(i));
        const LabelSet& before = stream->labels(i);
        std::string value;
        for (size_t s = 0; s < sources_.size(); ++s) {
            if (s > 0) value += separator_;
            value += before.get(sources_[s]);
        }
        builder.reset(before);
        builder.set(destination_, value);
        labels.push_back(builder.build());
        drop_names.push_back(stream->drops_name(i) && destination_ != kMetricName);
    }
    return with_labels(context, grid, std::move(stream), std::move(labels), std::move(drop_names));
}

}  // namespace kw::promql
