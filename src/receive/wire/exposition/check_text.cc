#include <algorithm>
#include <map>
#include <string>

#include "wire/exposition/checker.h"
#include "wire/exposition/number.h"
#include "wire/exposition/parser.h"

namespace kw::wire {
namespace {

struct TextFamily {
    bool has_help = false;
    bool has_type = false;
    bool has_samples = false;
    MetricType type = MetricType::kUnknown;
};

class TextChecker final {
 public:
    explicit TextChecker(std::string_view text)
        : text_(text), parser_(text, ExpositionFormat::kText) {}

    Result<void> check() {
        for (;;) {
            switch (parser_.next()) {
                case Step::kEnd: return check_end();
                case Step::kError: return parser_.error();
                case Step::kHelp: {
                    if (!parser_.blank_after_family()) {
                        return wrong("expected a space after the name {}", parser_.family());
                    }
                    if (parser_.metadata_text().empty()) break;  // says nothing
                    TextFamily& family = families_[std::string(parser_.family())];
                    if (family.has_help) return wrong("a second HELP for {}", parser_.family());
                    family.has_help = true;
                    break;
                }
                case Step::kType: {
                    TextFamily& family = families_[std::string(parser_.family())];
                    if (family.has_type) return wrong("a second TYPE for {}", parser_.family());
                    if (family.has_samples) {
                        return wrong("TYPE for {} after its first sample", parser_.family());
                    }
                    family.has_type = true;
                    family.type = parser_.type();
                    break;
                }
                case Step::kSample: KW_TRY(check_sample()); break;
                case Step::kUnit:
                case Step::kSameComment: break;
            }
        }
    }

 private:
    Result<void> check_sample() {
        if (Result<void> read =
                labels_.read(parser_.series(), ExpositionFormat::kText, Strictness::kSpecification);
            !read.ok()) {
            return wrong("{}", read.error().message);
        }
        names_.clear();
        for (const LabelView& label : labels_.labels()) names_.push_back(label.name);
        std::ranges::sort(names_);
        const auto twice = std::ranges::adjacent_find(names_);
        if (twice != names_.end()) return wrong("label {} is there twice", *twice);

        const std::string_view name = labels_.metric_name();
        TextFamily& family = family_of(name);
        family.has_samples = true;
        if (family.type == MetricType::kHistogram && name.ends_with("_bucket"))
            return check_number("le");
        if (family.type == MetricType::kSummary) return check_number("quantile");
        return {};
    }

    // `a_bucket` belongs to `a` where that is a histogram, and so on.
    TextFamily& family_of(std::string_view name) {
        for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
            if (!name.ends_with(suffix)) continue;
            const auto it = families_.find(name.substr(0, name.size() - suffix.size()));
            if (it == families_.end()) continue;
            const MetricType type = it->second.type;
            const bool has_buckets = type == MetricType::kHistogram;
            if (has_buckets || (type == MetricType::kSummary && suffix != "_bucket"))
                return it->second;
        }
        return families_[std::string(name)];
    }

    Result<void> check_number(std::string_view label_name) {
        for (const LabelView& label : labels_.labels()) {
            if (label.name != label_name) continue;
            double number = 0;
            const char* const end = label.value.data() + label.value.size();
            if (read_number(label.value.data(), end, number) != end) {
                return wrong("the value of label {} is no number", label_name);
            }
        }
        return {};
    }

    Result<void> check_end() const {
        if (!text_.empty() && text_.back() != '\n') {
            return wrong("expected a newline, found the end of the text");
        }
        return {};
    }

    template <typename... Args>
    Error wrong(fmt::format_string<Args...> format, Args&&... args) const {
        return invalid("line {}: {}", parser_.line(),
                       fmt::format(format, std::forward<Args>(args)...));
    }

    const std::string_view text_;
    Parser parser_;
    SeriesLabels labels_;
    std::vector<std::string_view> names_;
    std::map<std::string, TextFamily, std::less<>> families_;
};

}  // namespace

Result<void> check_text(std::string_view text) { return TextChecker(text).check(); }

Result<void> check_exposition(std::string_view text, ExpositionFormat format) {
    return format == ExpositionFormat::kText ? check_text(text) : check_openmetrics(text);
}

}  // namespace kw::wire
