#include "api/paging.h"

#include "api/parameters.h"

namespace kw::api {

Result<Page> page_parameters(const net::Request& request) {
    Page page;
    KW_TRY_ASSIGN(page.before_id, integer_parameter(request, "before", INT64_MAX, 0, INT64_MAX));
    KW_TRY_ASSIGN(const int64_t limit, integer_parameter(request, "limit", page.limit, 1, 1'000));
    page.limit = static_cast<uint32_t>(limit);
    return page;
}

}  // namespace kw::api
