// What a target says of its metrics: type, help and unit by family, bounded.
// Threads: all members from any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "model/sample.h"
#include "wire/exposition/format.h"
#include "wire/exposition/parser.h"

namespace kw::intake {

class TargetMetadata final {
 public:
    static constexpr size_t kFamiliesMax = 20'000;
    static constexpr size_t kTextBytesMax = 4 << 10;  // of a help text or unit; the rest is cut off

    // Takes what the HELP, TYPE or UNIT line says that `parser` (one of wire's) stands on. Past kFamiliesMax new
    // families are left out.
    template <typename Parser>
    void take(wire::Step step, const Parser& parser, wire::ExpositionFormat format)
        KW_EXCLUDES(mutex_) {
        take(step, parser.family(), parser.type(), parser.metadata_text(), format);
    }
    // Replaces everything by what the comment lines in `comments` say.
    void rebuild(std::string_view comments, wire::ExpositionFormat format) KW_EXCLUDES(mutex_);

    // Sorted by family; an empty `family` is all of them.
    std::vector<std::pair<std::string, Metadata>> list(std::string_view family) const
        KW_EXCLUDES(mutex_);

 private:
    void take(wire::Step step, std::string_view family, MetricType type, std::string_view text,
              wire::ExpositionFormat format) KW_EXCLUDES(mutex_);

    mutable Mutex mutex_;
    std::map<std::string, Metadata, std::less<>> families_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::intake
