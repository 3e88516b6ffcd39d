#include "app/explain_table.h"

#include <fmt/format.h>

#include <ostream>
#include <string>
#include <vector>

#include "app/server_conversation.h"
#include "app/text_table.h"

namespace kw::app {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

// What a server that we do not know sends nests at most so deep; deeper operators are left out.
constexpr size_t kDepthMax = 1'000;

std::string string_at(element object, const char* key) {
    std::string_view text;
    (void)object[key].get(text);
    return std::string(text);
}

uint64_t count_at(element object, const char* key) {
    uint64_t count = 0;
    (void)object[key].get(count);
    return count;
}

double number_at(element object, const char* key) {
    double number = 0;
    (void)object[key].get(number);
    return number;
}

std::string duration_text(double seconds) {
    if (seconds >= 1) return fmt::format("{:.2f} s", seconds);
    if (seconds >= 1e-3) return fmt::format("{:.2f} ms", seconds * 1e3);
    return fmt::format("{:.0f} us", seconds * 1e6);
}

std::string bytes_text(uint64_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (bytes >= 1 << 30) return fmt::format("{:.1f} GiB", value / (1 << 30));
    if (bytes >= 1 << 20) return fmt::format("{:.1f} MiB", value / (1 << 20));
    if (bytes >= 1 << 10) return fmt::format("{:.1f} KiB", value / (1 << 10));
    return fmt::format("{} B", bytes);
}

std::string reads_text(element node) {
    array numbers;
    if (node["selections"].get(numbers) != simdjson::SUCCESS) return "";
    std::string text;
    for (const element number : numbers) {
        text += text.empty() ? "#" : " #";
        text += fmt::format("{}", number.get<uint64_t>().value_unsafe() + 1);
    }
    return text;
}

class Lines final {
 public:
    explicit Lines(bool is_analyzed)
        : is_analyzed_(is_analyzed),
          table_(is_analyzed
                     ? std::vector<std::string>{"OPERATOR", "AT", "HOLDS", "READS", "SELF", "TOTAL",
                                                "SERIES", "VALUES", "SAMPLES", "PEAK"}
                     : std::vector<std::string>{"OPERATOR", "AT", "HOLDS", "READS"}) {}

    void add(element node, size_t depth) {
        if (depth > kDepthMax) return;
        bool once = false;
        (void)node["once"].get(once);
        const std::string name = std::string(2 * depth, ' ') + string_at(node, "title");
        std::vector<std::string> row = {once ? name + " (once)" : name, string_at(node, "position"),
                                        string_at(node, "holds"), reads_text(node)};
        if (is_analyzed_) {
            row.push_back(duration_text(number_at(node, "self_s")));
            row.push_back(duration_text(number_at(node, "total_s")));
            for (const char* key : {"series", "values", "samples"})
                row.push_back(fmt::format("{}", count_at(node, key)));
            row.push_back(bytes_text(count_at(node, "peak_bytes")));
        }
        table_.add(std::move(row));
        array children;
        if (node["children"].get(children) != simdjson::SUCCESS) return;
        for (const element child : children) add(child, depth + 1);
    }
    void write(std::ostream& out) const { table_.write(out); }

 private:
    const bool is_analyzed_;
    TextTable table_;
};

}  // namespace

Result<void> write_explanation(element data, std::ostream& out) {
    element plan;
    bool is_analyzed = false;
    if (data["plan"].get(plan) != simdjson::SUCCESS ||
        data["analyzed"].get(is_analyzed) != simdjson::SUCCESS) {
        return invalid("the server's answer has no plan");
    }
    Lines lines(is_analyzed);
    lines.add(plan, 0);
    lines.write(out);
    array selections;
    if (data["selections"].get(selections) == simdjson::SUCCESS) {
        size_t number = 0;
        for (const element one : selections) {
            out << fmt::format("#{} {}: {} series, at most {} samples, {} to {}\n", ++number,
                               string_at(one, "matchers"), count_at(one, "series"),
                               count_at(one, "samples_estimate"),
                               command_time_text(number_at(one, "start")),
                               command_time_text(number_at(one, "end")));
        }
    }
    element whole;
    if (data["query"].get(whole) == simdjson::SUCCESS) {
        out << fmt::format(
            "{} in all, {} series, {} samples, at most {} held\n",
            duration_text(number_at(whole, "prepare_s") + number_at(whole, "eval_s")),
            count_at(whole, "series"), count_at(whole, "samples"),
            bytes_text(count_at(whole, "peak_bytes")));
    }
    return {};
}

}  // namespace kw::app
