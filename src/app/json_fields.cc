#include "app/json_fields.h"

#include <string_view>

namespace kw::app {

using simdjson::dom::array;
using simdjson::dom::element;

std::string text_of(element object, const char* key) {
    std::string_view text;
    (void)object[key].get(text);
    return std::string(text);
}

double number_of(element object, const char* key) {
    double number = 0;
    (void)object[key].get(number);
    return number;
}

uint64_t count_of(element object, const char* key) {
    uint64_t count = 0;
    (void)object[key].get(count);
    return count;
}

bool flag_of(element object, const char* key) {
    bool flag = false;
    (void)object[key].get(flag);
    return flag;
}

std::vector<element> list_of(element object, const char* key) {
    std::vector<element> items;
    array all;
    if (object[key].get(all) != simdjson::SUCCESS) return items;
    for (const element item : all) items.push_back(item);
    return items;
}

}  // namespace kw::app
