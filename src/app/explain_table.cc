#include "app/explain_table.h"

#include <fmt/format.h>

#include <ostream>
#include <string>
#include <vector>

#include "app/json_fields.h"
#include "app/server_conversation.h"
#include "app/text_table.h"

namespace kw::app {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

// What a server that we do not know sends nests at most so deep; deeper operators are left out.
constexpr size_t kPlanDepthMax = 1'000;

std::string precise_duration(double seconds) {
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
        if (depth > kPlanDepthMax) return;
        bool once = false;
        (void)node["once"].get(once);
        const std::string name = std::string(2 * depth, ' ') + text_of(node, "title");
        std::vector<std::string> row = {once ? name + " (once)" : name, text_of(node, "position"),
                                        text_of(node, "holds"), reads_text(node)};
        if (is_analyzed_) {
            row.push_back(precise_duration(number_of(node, "self_s")));
            row.push_back(precise_duration(number_of(node, "total_s")));
            for (const char* key : {"series", "values", "samples"})
                row.push_back(fmt::format("{}", count_of(node, key)));
            row.push_back(bytes_text(count_of(node, "peak_bytes")));
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
                               text_of(one, "matchers"), count_of(one, "series"),
                               count_of(one, "samples_estimate"),
                               command_time_text(number_of(one, "start")),
                               command_time_text(number_of(one, "end")));
        }
    }
    element whole;
    if (data["query"].get(whole) == simdjson::SUCCESS) {
        out << fmt::format(
            "{} in all, {} series, {} samples, at most {} held\n",
            precise_duration(number_of(whole, "prepare_s") + number_of(whole, "eval_s")),
            count_of(whole, "series"), count_of(whole, "samples"),
            bytes_text(count_of(whole, "peak_bytes")));
    }
    return {};
}

}  // namespace kw::app
