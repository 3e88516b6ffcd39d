// Writes JSON as a stream: what is written leaves for the client as it comes, so that an answer of a million
// points never stands in memory twice.
//
//   JsonWriter json(response);
//   json.begin_object().key("status").string("success").key("data").begin_array();
//   …
//   json.end_array().end_object();
//   KW_TRY(json.finish());
//
// Commas are the writer's; that keys and values alternate is the caller's. Once the client has gone every call
// does nothing, and gone() says so: ask it once a series.
// Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"

namespace kw::net {
class ResponseWriter;
}

namespace kw::api {

class JsonWriter final {
 public:
    explicit JsonWriter(net::ResponseWriter& out);
    JsonWriter(const JsonWriter&) = delete;
    JsonWriter& operator=(const JsonWriter&) = delete;

    JsonWriter& begin_object() { return open('{'); }
    JsonWriter& end_object() { return close('}'); }
    JsonWriter& begin_array() { return open('['); }
    JsonWriter& end_array() { return close(']'); }
    JsonWriter& key(std::string_view name);

    // Bytes that are no UTF-8 become U+FFFD.
    JsonWriter& string(std::string_view text);
    JsonWriter& integer(int64_t value);
    JsonWriter& count(uint64_t value);
    // A JSON number, for durations and the like: `value` is finite.
    JsonWriter& number(double value);
    JsonWriter& boolean(bool value);
    JsonWriter& null();
    // `json` is one value, written as it is.
    JsonWriter& raw(std::string_view json);

    // {"name":"value",…}
    JsonWriter& labels(const LabelSet& labels);
    // [1435781451.781,"1.5"]: seconds, and the value in Prometheus' form as a string.
    JsonWriter& point(Millis timestamp, double value);
    JsonWriter& timestamp(Millis timestamp);

    bool gone() const { return !state_.ok(); }
    // Hands over what is left. Errors: kCancelled when the client has gone.
    Result<void> finish();

 private:
    JsonWriter& open(char bracket);
    JsonWriter& close(char bracket);
    // Before each value: the comma, when one is due.
    void separate();
    void append_string(std::string_view text);
    void flush_when_full();

    net::ResponseWriter& out_;
    std::string buffer_;
    bool comma_ = false;
    Result<void> state_;
};

// Appends `text` as a JSON string.
void append_json_string(std::string& out, std::string_view text);
// Appends a time as Prometheus' answers write it: seconds, with three decimals where it has milliseconds.
void append_json_timestamp(std::string& out, Millis timestamp);

}  // namespace kw::api
