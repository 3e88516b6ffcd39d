// The hot paths allocate nothing while nothing is new: counted by this program's own operator new. Under sanitizers
// the counting still holds; what the library's C functions allocate is not counted. ThreadSanitizer's runtime has an
// operator new of its own, so that there the test is left out.
#if !__has_feature(thread_sanitizer)
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "contract/metric_store.h"
#include "intake/scrape_target.h"
#include "intake/test_environment.h"

namespace {
thread_local uint64_t allocations = 0;
}

void* operator new(size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace kw::intake {
namespace {

// Takes everything and keeps nothing.
class SinkStore final : public MetricStore {
 public:
    Result<SeriesRef> ref_of(const LabelSet&) override { return SeriesRef{++series_}; }
    Result<AppendResult> append(const SampleBatch& batch) override {
        AppendResult result;
        result.stored = batch.series.size();
        rows += result.stored;
        return result;
    }
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>&, const TimeRange&,
                                                   const SelectHints&, const CancelToken&,
                                                   MemoryBudget&) override {
        return unsupported("reading");
    }
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>&, const TimeRange&,
                                                 uint64_t, const CancelToken&) override {
        return unsupported("reading");
    }
    Result<std::vector<std::string>> label_values(std::string_view, const std::vector<Matcher>&,
                                                  const TimeRange&, uint64_t,
                                                  const CancelToken&) override {
        return unsupported("reading");
    }
    Result<StoreStats> stats(uint64_t) override { return unsupported("reading"); }

    uint64_t rows = 0;

 private:
    uint64_t series_ = 0;
};

TEST(Allocation, AScrapeOfKnownLinesAllocatesNothing) {
    TestEnvironment environment;
    SinkStore store;
    ScrapeIntake intake(environment.env, store);
    ScrapeRules rules;
    rules.target_labels = LabelSet{{"instance", "i"}, {"job", "j"}};
    ScrapeTarget target(intake, rules);
    const auto body_of = [](int values) {
        std::string body = "# HELP requests_total Requests.\n# TYPE requests_total counter\n";
        for (int i = 0; i < 1000; ++i) {
            body +=
                fmt::format("requests_total{{path=\"/a/{}\",status=\"200\"}} {}\n", i, values + i);
        }
        return body;
    };
    const std::string first = body_of(0);
    const std::string second = body_of(7);
    for (int64_t time = 1; time <= 3; ++time) {
        ASSERT_TRUE(target.ingest(first, wire::ExpositionFormat::kText, {Millis{time * 1000}, 0})
                        .outcome.ok());
    }
    const uint64_t rows = store.rows;
    const uint64_t before = allocations;
    ASSERT_TRUE(
        target.ingest(second, wire::ExpositionFormat::kText, {Millis{4000}, 0}).outcome.ok());
    const uint64_t after = allocations;
    EXPECT_EQ(store.rows - rows, 1005u);
    EXPECT_EQ(after - before, 0u);
}

}  // namespace
}  // namespace kw::intake

#endif  // !thread_sanitizer
