// Samples that come in any order, written family by family in the order of their names, as the format wants them.
// Threads: one user.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collect/writer.h"

namespace kw::collect {

class FamilySet final {
 public:
    using Labels = std::vector<std::pair<std::string_view, std::string>>;

    // The names of labels outlive the set; the first type and help of a name count. `suffix` ("_sum" say) follows the
    // name in the sample.
    void add(std::string_view name, std::string_view type, std::string_view help, Labels labels,
             double value, std::string_view suffix = {});
    void write(ExpositionWriter& out) const;

 private:
    struct Sample {
        std::string suffix;
        Labels labels;
        double value;
    };
    struct Family {
        std::string type;
        std::string help;
        std::vector<Sample> samples;
    };
    std::map<std::string, Family, std::less<>> families_;
};

}  // namespace kw::collect
