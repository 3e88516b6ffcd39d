#include <algorithm>
#include <array>

#include "promql/lint.h"

namespace kw::promql {
namespace {

// Names are shorter; of a longer one the beginning is compared.
constexpr size_t kComparedMax = 200;

// The distance, or anything above `most` as soon as it must be more.
size_t distance_within(std::string_view a, std::string_view b, size_t most) {
    if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > most) return most + 1;
    std::array<std::array<size_t, kComparedMax + 1>, 3> rows;
    for (size_t k = 0; k <= b.size(); ++k) rows[0][k] = k;
    for (size_t i = 1; i <= a.size(); ++i) {
        auto& row = rows[i % 3];
        const auto& above = rows[(i - 1) % 3];
        const auto& before = rows[(i + 1) % 3];  // two above
        row[0] = i;
        size_t least = i;
        for (size_t k = 1; k <= b.size(); ++k) {
            row[k] =
                std::min({above[k] + 1, row[k - 1] + 1, above[k - 1] + (a[i - 1] != b[k - 1])});
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                row[k] = std::min(row[k], before[k - 2] + 1);
            least = std::min(least, row[k]);
        }
        if (least > most) return most + 1;
    }
    return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string nearest_of(std::string_view text, const std::vector<std::string>& candidates) {
    text = text.substr(0, kComparedMax);
    size_t most = std::max<size_t>(1, text.size() / 4);
    std::string nearest;
    for (const std::string& candidate : candidates) {
        const std::string_view compared = std::string_view(candidate).substr(0, kComparedMax);
        const size_t distance = distance_within(text, compared, most);
        if (distance > most || (distance == most && !nearest.empty())) continue;
        most = distance;
        nearest = candidate;
    }
    return nearest;
}

}  // namespace kw::promql
