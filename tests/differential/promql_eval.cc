// kw_promql_eval: evaluates queries over samples given on standard input, one line each, in order:
//   series <TAB> selector with equalities only <TAB> milliseconds:value milliseconds:value …
//   instant <TAB> milliseconds <TAB> query
//   range <TAB> start <TAB> end <TAB> step, all milliseconds <TAB> query
// For each query one line of JSON on standard output: {"error": …} or {"type": …, "result": [[labels, [[t, v],
// …]], …]} with values as text. For tests that compare answers with a peer's.
#include <fmt/core.h>

#include <charconv>
#include <iostream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"
#include "promql/engine.h"
#include "promql/parser.h"

namespace {

using namespace kw;

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += fmt::format("\\{}", c);
        else if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + "\"";
}

std::vector<std::string_view> fields_of(std::string_view line, char separator) {
    std::vector<std::string_view> out;
    while (true) {
        const size_t end = line.find(separator);
        out.push_back(line.substr(0, end));
        if (end == std::string_view::npos) return out;
        line.remove_prefix(end + 1);
    }
}

Result<int64_t> number_of(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return invalid("not a number: {}", text);
    return value;
}

Result<void> add_series(MemoryStore& store, std::string_view selector, std::string_view points) {
    KW_TRY_ASSIGN(const std::vector<Matcher> matchers, promql::parse_selector(selector));
    LabelBuilder builder;
    for (const Matcher& matcher : matchers) builder.set(matcher.name(), matcher.value());
    const LabelSet labels = builder.build();
    for (const std::string_view point : fields_of(points, ' ')) {
        const size_t colon = point.find(':');
        if (colon == std::string_view::npos) return invalid("not a point: {}", point);
        KW_TRY_ASSIGN(const int64_t t, number_of(point.substr(0, colon)));
        KW_TRY_ASSIGN(const double value, parse_value(point.substr(colon + 1)));
        store.add(labels, Millis{t}, value);
    }
    return {};
}

std::string print_result(const promql::QueryResult& result) {
    std::string out = fmt::format("{{\"type\":\"{}\",\"result\":[", value_type_name(result.type));
    if (result.type == promql::ValueType::kScalar) {
        out += fmt::format("[{{}},[[{},\"{}\"]]]", result.grid.start.count,
                           format_value(result.scalar));
    }
    for (size_t i = 0; i < result.series.size(); ++i) {
        if (i > 0) out += ',';
        out += "[{";
        std::string separator;
        for (const LabelView& label : result.series[i].labels) {
            out += separator + json_text(label.name) + ":" + json_text(label.value);
            separator = ",";
        }
        out += "},[";
        separator.clear();
        result.each_point(result.series[i], [&](Millis t, double value) {
            out += fmt::format("{}[{},\"{}\"]", separator, t.count, format_value(value));
            separator = ",";
        });
        out += "]]";
    }
    return out + "]}";
}

Result<std::string> answer(promql::Engine& engine, const std::vector<std::string_view>& fields) {
    const CancelToken cancel;
    if (fields[0] == "instant" && fields.size() == 3) {
        KW_TRY_ASSIGN(const int64_t at, number_of(fields[1]));
        KW_TRY_ASSIGN(const auto result, engine.instant(fields[2], Millis{at}, {}, cancel));
        return print_result(result);
    }
    if (fields[0] != "range" || fields.size() != 5) return invalid("not a command: {}", fields[0]);
    KW_TRY_ASSIGN(const int64_t start, number_of(fields[1]));
    KW_TRY_ASSIGN(const int64_t end, number_of(fields[2]));
    KW_TRY_ASSIGN(const int64_t step, number_of(fields[3]));
    KW_TRY_ASSIGN(const auto result,
                  engine.range(fields[4], Millis{start}, Millis{end}, step, {}, cancel));
    return print_result(result);
}

}  // namespace

int main() {
    RealClock clock;
    fs::MemoryFileSystem files;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("eval", 1);
    Environment env{clock, files, log, metrics, pool};
    MemoryStore store;
    promql::EngineOptions options;
    options.features = promql::ParseOptions::all_features();
    promql::Engine engine(env, store, options);
    for (std::string line; std::getline(std::cin, line);) {
        const std::vector<std::string_view> fields = fields_of(line, '\t');
        if (fields[0] == "series" && fields.size() == 3) {
            const Result<void> added = add_series(store, fields[1], fields[2]);
            if (added.ok()) continue;
            std::cerr << added.error().message << "\n";
            return 2;
        }
        const Result<std::string> out = answer(engine, fields);
        std::cout << (out.ok() ? *out
                               : fmt::format("{{\"error\":{}}}", json_text(out.error().message)))
                  << "\n";
    }
    return 0;
}
