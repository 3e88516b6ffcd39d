#include "promql/observed.h"

#include <algorithm>

#include "promql/profile.h"

namespace kw::promql {
namespace {

void add_to(std::atomic<uint64_t>& counter, uint64_t more) {
    counter.fetch_add(more, std::memory_order_relaxed);
}

class ObservedSeries final : public SeriesStream {
 public:
    ObservedSeries(ProfileNode& node, std::unique_ptr<SeriesStream> inner)
        : node_(node), inner_(std::move(inner)) {}
    size_t size() const override { return inner_->size(); }
    const LabelSet& labels(size_t index) const override { return inner_->labels(index); }
    bool drops_name(size_t index) const override { return inner_->drops_name(index); }
    size_t present_estimate() const override { return inner_->present_estimate(); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        const ChargedTime time(&node_);
        KW_TRY(inner_->compute(index, scratch, out));
        add_to(node_.values,
               out.size() - static_cast<size_t>(std::ranges::count_if(out, is_absent)));
        return {};
    }

 private:
    ProfileNode& node_;
    const std::unique_ptr<SeriesStream> inner_;
};

class ObservedVector final : public VectorOperator {
 public:
    ObservedVector(ProfileNode& node, std::unique_ptr<VectorOperator> inner)
        : node_(node), inner_(std::move(inner)) {}
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override {
        const ChargedTime time(&node_);
        KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, inner_->open(context, grid));
        add_to(node_.series, stream->size());
        return std::unique_ptr<SeriesStream>(
            std::make_unique<ObservedSeries>(node_, std::move(stream)));
    }

 private:
    ProfileNode& node_;
    const std::unique_ptr<VectorOperator> inner_;
};

class ObservedScalar final : public ScalarOperator {
 public:
    ObservedScalar(ProfileNode& node, std::unique_ptr<ScalarOperator> inner)
        : node_(node), inner_(std::move(inner)) {}
    Result<Column> run(QueryContext& context, const StepGrid& grid, Hold& hold) const override {
        const ChargedTime time(&node_);
        KW_TRY_ASSIGN(Column values, inner_->run(context, grid, hold));
        add_to(node_.series, 1);
        add_to(node_.values, values.size());
        return values;
    }

 private:
    ProfileNode& node_;
    const std::unique_ptr<ScalarOperator> inner_;
};

class ObservedWindows final : public RangeStream {
 public:
    ObservedWindows(ProfileNode& node, std::unique_ptr<RangeStream> inner)
        : node_(node), inner_(std::move(inner)) {}
    size_t size() const override { return inner_->size(); }
    const LabelSet& labels(size_t index) const override { return inner_->labels(index); }
    bool drops_name(size_t index) const override { return inner_->drops_name(index); }
    const Windows& windows() const override { return inner_->windows(); }
    size_t rolled_estimate() const override { return inner_->rolled_estimate(); }
    Result<void> read(size_t index, Scratch& scratch) const override {
        const ChargedTime time(&node_);
        KW_TRY(inner_->read(index, scratch));
        add_to(node_.values, scratch.samples.size());
        return {};
    }

 private:
    ProfileNode& node_;
    const std::unique_ptr<RangeStream> inner_;
};

class ObservedRange final : public RangeOperator {
 public:
    ObservedRange(ProfileNode& node, std::unique_ptr<RangeOperator> inner)
        : node_(node), inner_(std::move(inner)) {}
    Result<std::unique_ptr<RangeStream>> open(QueryContext& context,
                                              const StepGrid& grid) const override {
        const ChargedTime time(&node_);
        KW_TRY_ASSIGN(std::unique_ptr<RangeStream> stream, inner_->open(context, grid));
        add_to(node_.series, stream->size());
        return std::unique_ptr<RangeStream>(
            std::make_unique<ObservedWindows>(node_, std::move(stream)));
    }
    VectorSelector::Extension extension() const override { return inner_->extension(); }

 private:
    ProfileNode& node_;
    const std::unique_ptr<RangeOperator> inner_;
};

}  // namespace

std::unique_ptr<VectorOperator> observed(ProfileNode* node, std::unique_ptr<VectorOperator> inner) {
    if (node == nullptr) return inner;
    return std::make_unique<ObservedVector>(*node, std::move(inner));
}

std::unique_ptr<ScalarOperator> observed(ProfileNode* node, std::unique_ptr<ScalarOperator> inner) {
    if (node == nullptr) return inner;
    return std::make_unique<ObservedScalar>(*node, std::move(inner));
}

std::unique_ptr<RangeOperator> observed(ProfileNode* node, std::unique_ptr<RangeOperator> inner) {
    if (node == nullptr) return inner;
    return std::make_unique<ObservedRange>(*node, std::move(inner));
}

}  // namespace kw::promql
