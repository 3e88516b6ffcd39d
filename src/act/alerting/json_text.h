// JSON as text, member by member, for the bodies that notifiers send. Bytes that are not UTF-8 become U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kw::alerting {

class JsonText final {
 public:
    JsonText& begin_object() { return open('{'); }
    JsonText& end_object() { return close('}'); }
    JsonText& begin_array() { return open('['); }
    JsonText& end_array() { return close(']'); }
    JsonText& key(std::string_view name);
    JsonText& text(std::string_view value);
    JsonText& number(int64_t value) { return raw(std::to_string(value)); }
    JsonText& boolean(bool value) { return raw(value ? "true" : "false"); }
    JsonText& null() { return raw("null"); }
    // A value that is JSON already.
    JsonText& raw(std::string_view json);
    JsonText& member(std::string_view name, std::string_view value) {
        return key(name).text(value);
    }
    // Nothing when `value` is empty.
    JsonText& member_if(std::string_view name, std::string_view value);

    const std::string& out() const { return out_; }
    std::string take() { return std::move(out_); }

 private:
    JsonText& open(char bracket);
    JsonText& close(char bracket);
    void separate();

    std::string out_;
    bool needs_comma_ = false;
};

}  // namespace kw::alerting
