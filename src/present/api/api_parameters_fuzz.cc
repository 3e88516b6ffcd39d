// Any bytes as a time, a duration, an escaped name and a JSON string.
#include <cstdint>
#include <string_view>

#include "api/json_writer.h"
#include "api/parameters.h"
#include "base/check.h"
#include "model/labels.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kw;
    using namespace kw::api;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const Result<Millis> time = parse_time(text); time.ok()) {
        // What Prometheus' answers print reads back.
        std::string printed;
        append_json_timestamp(printed, *time);
        const Result<Millis> again = parse_time(printed);
        const int64_t far = int64_t{1} << 49;  // past it a double of seconds has no milliseconds
        if (time->count > -far && time->count < far) KW_CHECK_FATAL(again.ok() && *again == *time);
    }
    (void)parse_duration_parameter_ms(text);
    const std::string name = unescape_name(text);
    KW_CHECK_FATAL(name.size() <= text.size());
    std::string json;
    append_json_string(json, text);
    KW_CHECK_FATAL(is_valid_utf8(json));
    return 0;
}
