// The tree of a template: what the parser builds and the executor walks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "templates/value.h"

namespace kw::templates {

struct Pipeline;

// An operand, with the fields asked of it: `.Labels.job`, `$x.y`, `(first $q).Value`.
struct Operand {
    enum class Kind : unsigned char {
        kLiteral,   // `literal`: a string, number, bool
        kNil,       // the word nil
        kDot,       // `.`, and with fields `.a.b`
        kVariable,  // `name`, with its dollar sign
        kFunction,  // `name`
        kPipeline,  // in parentheses
    };
    Kind kind = Kind::kDot;
    Value literal;
    std::string name;
    std::unique_ptr<Pipeline> pipeline;
    std::vector<std::string> fields;
    uint32_t offset = 0;  // in the text, for messages
    uint32_t end = 0;
};

struct Command {
    std::vector<Operand> operands;  // the first is called with the others
};

struct Pipeline {
    std::vector<std::string> variables;  // declared or assigned; two for a range
    bool is_assignment = false;
    std::vector<Command> commands;
    uint32_t offset = 0;
    uint32_t end = 0;
};

struct Node;
using Nodes = std::vector<Node>;

struct Node {
    enum class Kind : unsigned char {
        kText,
        kAction,
        kIf,
        kRange,
        kWith,
        kTemplate,  // `text` names it
        kBreak,
        kContinue,
    };
    Kind kind = Kind::kText;
    std::string text;
    std::unique_ptr<Pipeline> pipeline;  // null where none was written
    Nodes body;
    Nodes otherwise;
    uint32_t offset = 0;
};

}  // namespace kw::templates
