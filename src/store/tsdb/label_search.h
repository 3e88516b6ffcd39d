// Which label names and values the series have that meet some matchers, over any index.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kw {
class CancelToken;
class Matcher;
}  // namespace kw

namespace kw::tsdb {

class PostingsSource;

// Those of `names` that a series which meets `matchers` has, in their order.
// Errors: as evaluate() in postings.h.
Result<std::vector<std::string>> names_of(const PostingsSource& index,
                                          const std::vector<std::string>& names,
                                          const std::vector<Matcher>& matchers,
                                          const CancelToken& cancel);

// The values of `name` that series which meet `matchers` have, sorted; without matchers: all.
Result<std::vector<std::string>> values_of(const PostingsSource& index, std::string_view name,
                                           const std::vector<Matcher>& matchers,
                                           const CancelToken& cancel);

}  // namespace kw::tsdb
