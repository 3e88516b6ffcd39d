#include "intake/target_metadata.h"

namespace kw::intake {
namespace {

// At most kTextBytesMax bytes, no character cut in two.
std::string bounded(std::string text) {
    if (text.size() <= TargetMetadata::kTextBytesMax) return text;
    size_t length = TargetMetadata::kTextBytesMax;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
    text.resize(length);
    return text;
}

}  // namespace

void TargetMetadata::take(wire::Step step, std::string_view family, MetricType type,
                          std::string_view text, wire::ExpositionFormat format) {
    const MutexLock lock(mutex_);
    auto it = families_.find(family);
    if (it == families_.end()) {
        if (families_.size() >= kFamiliesMax) return;
        it = families_.try_emplace(std::string(family)).first;
    }
    Metadata& metadata = it->second;
    switch (step) {
        case wire::Step::kType: metadata.type = type; break;
        case wire::Step::kHelp: metadata.help = bounded(wire::unescaped_help(text, format)); break;
        case wire::Step::kUnit: metadata.unit = bounded(std::string(text)); break;
        default: break;
    }
}

void TargetMetadata::rebuild(std::string_view comments, wire::ExpositionFormat format) {
    {
        const MutexLock lock(mutex_);
        families_.clear();
    }
    wire::Parser parser(comments, format);
    for (wire::Step step;
         (step = parser.next()) != wire::Step::kEnd && step != wire::Step::kError;) {
        take(step, parser, format);
    }
}

std::vector<std::pair<std::string, Metadata>> TargetMetadata::list(std::string_view family) const {
    const MutexLock lock(mutex_);
    if (family.empty()) return {families_.begin(), families_.end()};
    const auto it = families_.find(family);
    if (it == families_.end()) return {};
    return {*it};
}

}  // namespace kw::intake
