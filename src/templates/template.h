// Go's text/template, as far as rule and notification templates use it: the whole action language, over the
// values of value.h and functions that the caller gives.
//
//   text ──lexer──▶ tokens ──parser──▶ Nodes (ast.h) ──executor──▶ text
//
// A module of its own below `rules`, since the notifications of alerting expand the same language over other
// data and with other functions.
//
// Templates come from whoever writes rules, and their data from whoever is scraped, so everything is bounded:
// size and nesting of the text when it is parsed; steps, depth of calls and bytes when it runs.
// Threads: a set that is complete is immutable: execute() from any thread.
// Source: https://pkg.go.dev/text/template
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "templates/ast.h"
#include "templates/value.h"

namespace kw::templates {

// Errors: kInvalid, in words that end up in the message of the template.
using Function = std::function<Result<Value>(std::span<const Value> arguments)>;
// Beside them every template has Go's own: and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, print,
// printf, println, html, js, urlquery; and Prometheus' tmpl.
using Functions = std::map<std::string, Function, std::less<>>;

// What the caller declares before the text begins: `$labels` and the like, with the dollar sign.
using Variables = std::vector<std::pair<std::string, Value>>;

struct ParseLimits {
    size_t text_bytes_max = 256 << 10;  // Alertmanager's default templates have 10 KiB
    size_t depth_max = 100;             // of nested actions and parentheses
};

struct ExecuteLimits {
    uint64_t steps_max = 200'000;       // nodes and calls: a second's work at the very most
    size_t output_bytes_max = 1 << 20;  // of the text, and of any value
    size_t work_bytes_max = 64 << 20;   // of all strings that functions gave
    size_t call_depth_max = 100;        // of templates in templates
};

// Makes of each value what may stand where the text is at, as html/template does. For one execution.
class Escaper {
 public:
    virtual ~Escaper() = default;
    // `before` is all the text so far; it only grows from call to call.
    virtual std::string escape(const Value& value, std::string_view before) = 0;
};

class TemplateSet final {
 public:
    explicit TemplateSet(ParseLimits limits = {}) : limits_(limits) {}

    // Parses `text` as the template `name`, with those that it defines. A later definition of a name replaces
    // the earlier. `functions` and `variables` tell which names are known.
    // Errors: kInvalid, "template: name:1:4: …"; kExhausted.
    Result<void> add(const std::string& name, std::string_view text, const Functions& functions,
                     std::span<const std::string_view> variables = {});
    bool has(std::string_view name) const { return trees_.find(name) != trees_.end(); }

    // Runs the template `name` over `data`. Errors: kInvalid, 'template: name:1:4: executing "name" at
    // <expression>: …'; kExhausted; kNotFound when there is no such template.
    Result<std::string> execute(std::string_view name, const Value& data,
                                const Functions& functions, const Variables& variables = {},
                                const ExecuteLimits& limits = {}, Escaper* escaper = nullptr) const;

    // A parsed template and the text that it stands in, for positions.
    struct Tree {
        std::string name;
        std::shared_ptr<const std::string> text;
        std::shared_ptr<const Nodes> nodes;
    };
    const Tree* find(std::string_view name) const;

 private:
    const ParseLimits limits_;
    std::map<std::string, Tree, std::less<>> trees_;
};

// Whether templates have a function of this name of their own.
bool is_builtin(std::string_view name);
// Calls one of them that evaluates all of its arguments (not `and`, `or`, `tmpl`).
// Errors: kInvalid, kExhausted.
Result<Value> call_builtin(std::string_view name, std::span<const Value> arguments,
                           size_t bytes_max);

// "name:3:14" of a byte of `text`.
std::string position_in(std::string_view name, std::string_view text, uint32_t offset);

}  // namespace kw::templates
