// The binary operators on two numbers.
#pragma once

#include <cmath>

#include "promql/ast.h"

namespace kw::promql {

// Calls visit(f) with the operator as a function of two doubles, so that a loop around f is compiled once for
// each operator. Comparisons give 1 or 0. Not for set operators and histogram trimming.
template <typename Visit>
void visit_arithmetic(BinaryOp op, Visit visit) {
    switch (op) {
        case BinaryOp::kAdd: return visit([](double a, double b) { return a + b; });
        case BinaryOp::kSub: return visit([](double a, double b) { return a - b; });
        case BinaryOp::kMul: return visit([](double a, double b) { return a * b; });
        case BinaryOp::kDiv: return visit([](double a, double b) { return a / b; });
        case BinaryOp::kMod: return visit([](double a, double b) { return std::fmod(a, b); });
        case BinaryOp::kPow: return visit([](double a, double b) { return std::pow(a, b); });
        case BinaryOp::kAtan2: return visit([](double a, double b) { return std::atan2(a, b); });
        case BinaryOp::kEqual: return visit([](double a, double b) -> double { return a == b; });
        case BinaryOp::kNotEqual: return visit([](double a, double b) -> double { return a != b; });
        case BinaryOp::kLess: return visit([](double a, double b) -> double { return a < b; });
        case BinaryOp::kLessEqual:
            return visit([](double a, double b) -> double { return a <= b; });
        case BinaryOp::kGreater: return visit([](double a, double b) -> double { return a > b; });
        case BinaryOp::kGreaterEqual:
            return visit([](double a, double b) -> double { return a >= b; });
        case BinaryOp::kTrimUpper:
        case BinaryOp::kTrimLower:
        case BinaryOp::kAnd:
        case BinaryOp::kOr:
        case BinaryOp::kUnless: return;
    }
}

// Operators whose value is a new quantity, so that the metric's name goes.
inline bool is_arithmetic(BinaryOp op) { return op <= BinaryOp::kAtan2; }
inline bool is_trim(BinaryOp op) {
    return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower;
}

}  // namespace kw::promql
