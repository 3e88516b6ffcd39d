// Pages of what has ascending ids and is listed newest first: `before` and `limit` of the request, `next` of the answer.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "api/json_writer.h"
#include "base/result.h"

namespace kw::net {
struct Request;
}

namespace kw::api {

struct Page {
    int64_t before_id = INT64_MAX;  // only what has a lower id
    uint32_t limit = 100;

    // What to ask for: one more says whether there is a next page.
    uint32_t wanted() const { return limit + 1; }
};
// Errors: kInvalid (a limit that is not from 1 to 1000).
Result<Page> page_parameters(const net::Request& request);

// {"<key>":[…],"next":the page's last id, or null}. `items` are at most page.wanted() and have an `id`.
template <typename Item, typename Write>
void write_page(JsonWriter& json, std::string_view key, std::vector<Item> items, const Page& page,
                Write write) {
    const bool has_more = items.size() > page.limit;
    if (has_more) items.pop_back();
    json.begin_object().key(key).begin_array();
    for (const Item& item : items) write(json, item);
    json.end_array().key("next");
    if (has_more) {
        json.integer(items.back().id);
    } else {
        json.null();
    }
    json.end_object();
}

}  // namespace kw::api
