// Fields of a server's JSON answers, leniently: what is not there or is something else reads as empty, 0 or false.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <vector>

namespace kw::app {

std::string text_of(simdjson::dom::element object, const char* key);
double number_of(simdjson::dom::element object, const char* key);
uint64_t count_of(simdjson::dom::element object, const char* key);
bool flag_of(simdjson::dom::element object, const char* key);
std::vector<simdjson::dom::element> list_of(simdjson::dom::element object, const char* key);

}  // namespace kw::app
