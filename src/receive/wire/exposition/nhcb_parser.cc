#include "wire/exposition/nhcb_parser.h"

#include "wire/exposition/series_text.h"

namespace kw::wire {

NhcbParser::Part NhcbParser::part_of_line() {
    // What cannot be read is said by who reads it in earnest.
    if (family_.empty() || !labels_.read(parser_.series(), format_).ok()) return Part::kNone;
    const std::string_view name = labels_.metric_name();
    if (!name.starts_with(family_)) return Part::kNone;
    const std::string_view suffix = name.substr(family_.size());
    const Part part = suffix == "_bucket"  ? Part::kBucket
                      : suffix == "_count" ? Part::kCount
                      : suffix == "_sum"   ? Part::kSum
                                           : Part::kNone;
    if (part == Part::kNone) return part;
    key_ = "{";
    append_quoted(key_, family_);
    bool has_bound = false;
    for (const LabelView& label : labels_.labels()) {
        if (label.name == kMetricName) continue;
        if (part == Part::kBucket && label.name == "le") {
            const Result<double> bound = parse_value(label.value);
            has_bound = bound.ok();
            bound_ = bound.value_or(0);
            continue;
        }
        append_pair(key_, label.name, label.value);
    }
    key_ += '}';
    return part == Part::kBucket && !has_bound ? Part::kNone : part;
}

bool NhcbParser::convert() {
    Result<Histogram> made = gathered_.convert();
    gathered_.clear();
    if (!made.ok()) {
        ++not_converted_;
        return false;
    }
    histogram_ = std::make_shared<const Histogram>(std::move(made).value());
    own_series_ = std::move(gathered_key_);
    exemplars_ = std::move(gathered_exemplars_);
    own_ = true;
    return true;
}

Step NhcbParser::next(std::string_view expected) {
    own_ = false;
    histogram_.reset();
    exemplars_.clear();
    was_expected_ = false;
    const auto give_sample = [&] {
        was_expected_ = !expected.empty() && series() == expected;
        if (own_) return Step::kSample;
        if (std::optional<Exemplar> own = parser_.exemplar()) exemplars_.push_back(*std::move(own));
        return Step::kSample;
    };
    for (;;) {
        // Comments are always wanted whole: the family's type is in them.
        const Step step = holds_ ? held_ : parser_.next();
        holds_ = false;
        const Part part = step == Step::kSample ? part_of_line() : Part::kNone;
        if (!gathered_.empty() && (part == Part::kNone || key_ != gathered_key_)) {
            holds_ = true;
            held_ = step;
            if (step == Step::kError) {
                gathered_.clear();  // nothing of the body counts
            } else if (convert()) {
                return give_sample();
            }
            continue;
        }
        if (step == Step::kType) {
            family_ = parser_.type() == MetricType::kHistogram
                          ? unescaped_help(parser_.family(), ExpositionFormat::kOpenMetrics)
                          : std::string();
        }
        if (step != Step::kSample) return step;
        if (part == Part::kNone) return give_sample();
        if (gathered_.empty()) {
            gathered_key_ = key_;
            gathered_exemplars_.clear();
        }
        switch (part) {
            case Part::kBucket: gathered_.add_bucket(bound_, parser_.value()); break;
            case Part::kCount: gathered_.set_count(parser_.value()); break;
            case Part::kSum: gathered_.set_sum(parser_.value()); break;
            case Part::kNone: break;
        }
        own_has_timestamp_ = parser_.has_timestamp();
        own_timestamp_ = parser_.timestamp();
        if (std::optional<Exemplar> one = parser_.exemplar())
            gathered_exemplars_.push_back(*std::move(one));
        if (choice_.always_classic) return give_sample();
    }
}

}  // namespace kw::wire
