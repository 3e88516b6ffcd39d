// Any bytes as a template: no crash, no hang, and a text within its limit.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "templates/prometheus_functions.h"
#include "templates/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kw::templates;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    PrometheusContext context;
    context.query = [](const std::string&) -> kw::Result<List> {
        return List{sample_value(kw::LabelSet{{"a", "b"}}, 1)};
    };
    const Functions functions = prometheus_functions(std::move(context));
    constexpr std::string_view kNames[] = {"$labels", "$value"};
    TemplateSet set;
    if (!set.add("fuzz", text, functions, kNames).ok()) return 0;
    ExecuteLimits limits;
    limits.steps_max = 20'000;
    limits.output_bytes_max = 64 << 10;
    const Value labels = labels_value(kw::LabelSet{{"job", "x"}});
    const kw::Result<std::string> out =
        set.execute("fuzz", sample_value(kw::LabelSet{{"job", "x"}}, 3), functions,
                    {{"$labels", labels}, {"$value", Value(3.0)}}, limits);
    if (out.ok() && out->size() > limits.output_bytes_max) std::abort();
    return 0;
}
