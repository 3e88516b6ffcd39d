// Names and values that metrics, spans and log entries share, and who the process is.
//
// Every signal that a process sends carries the same `Resource`: it is what a view pivots on from a
// metric to the traces and logs of the same service. Values only; nothing here throws but for
// memory.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kilowatch {

// name=value of a metric's series.
using Labels = std::vector<std::pair<std::string, std::string>>;

// A value of a span, an event or a log entry: text, truth, whole number or real number.
class AttributeValue final {
 public:
    using Variant = std::variant<std::string, bool, int64_t, double>;

    AttributeValue() = default;  // the empty text
    AttributeValue(const char* text) : value_(std::string(text == nullptr ? "" : text)) {}
    AttributeValue(std::string_view text) : value_(std::string(text)) {}
    AttributeValue(std::string text) : value_(std::move(text)) {}
    AttributeValue(bool truth) : value_(truth) {}
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    AttributeValue(T number) : value_(static_cast<int64_t>(number)) {}
    template <std::floating_point T>
    AttributeValue(T number) : value_(static_cast<double>(number)) {}

    const Variant& get() const { return value_; }
    bool operator==(const AttributeValue&) const = default;

 private:
    Variant value_;
};

struct Attribute {
    std::string name;
    AttributeValue value;
    bool operator==(const Attribute&) const = default;
};
using Attributes = std::vector<Attribute>;
using AttributeList = std::initializer_list<Attribute>;

// Who sends. The names are OpenTelemetry's: service.name, service.version, service.instance.id,
// deployment.environment (and its newer spelling deployment.environment.name).
struct Resource {
    std::string service_name = "unknown_service";
    std::string service_version = {};  // empty: not sent
    std::string instance_id = {};      // empty: host:pid
    std::string environment = {};      // "production", "staging", …; empty: not sent
    Attributes attributes = {};        // anything else, such as {"model_version", "2024-12-01"}

    // All of it as attributes, host.name and process.pid among them, sorted by name.
    Attributes all() const;
};

}  // namespace kilowatch
