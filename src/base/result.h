// Expected failures as values: Result<T> holds a T or an Error.
//
// Bytes, network, disk, users and limits say no often, and strangers decide how often our parsers
// fail, so failure is a return value: cheap, visible at every exit, and [[nodiscard]]. A broken
// invariant is not an expected failure; see base/check.h.
//
//   Result<uint32_t> read(ByteReader& in) {
//       KW_TRY_ASSIGN(const uint32_t magic, in.u32());
//       if (magic != kMagic) return corrupt("magic {:#x}, want {:#x}", magic, kMagic);
//       return magic;
//   }
//
// KW_TRY and KW_TRY_ASSIGN are statements, never sub-expressions.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace kw {

// What kind of no it was; `api` maps each to a status in one table.
enum class Code : unsigned char {
    kInvalid,      // the input is wrong and will stay wrong
    kNotFound,     // the thing named does not exist
    kConflict,     // it exists already, differently
    kExhausted,    // a limit, a budget or a queue is full
    kUnavailable,  // I/O or a peer failed; trying again may help
    kTimeout,      // the deadline passed
    kCancelled,    // whoever asked has gone
    kCorrupt,      // bytes of our own that do not hold what they must
    kUnsupported,  // valid, but not by this version
    kDenied,       // not allowed
    kInternal,     // an invariant broke
};

std::string_view code_name(Code code);

struct [[nodiscard]] Error {
    Code code = Code::kInternal;
    std::string message;

    // Puts "context: " before the message: the layer that knows the file, target or position adds
    // it.
    Error with_context(std::string_view context) &&;
};

template <typename T>
class [[nodiscard]] Result {
 public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    // Precondition: ok(). Throws std::bad_variant_access otherwise.
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    T value_or(T other) const& { return ok() ? value() : std::move(other); }

    // Precondition: !ok().
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

    Result with_context(std::string_view context) && {
        if (ok()) return std::move(*this);
        return std::move(*this).error().with_context(context);
    }

 private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    void value() const {}
    const Error& error() const& { return *error_; }
    Error&& error() && { return std::move(*error_); }

    Result with_context(std::string_view context) && {
        if (ok()) return {};
        return std::move(*error_).with_context(context);
    }

 private:
    std::optional<Error> error_;
};

#define KW_DEFINE_ERROR_MAKER(name, which)                                           \
    template <typename... Args>                                                      \
    Error name(fmt::format_string<Args...> format, Args&&... args) {                 \
        return Error{Code::which, fmt::format(format, std::forward<Args>(args)...)}; \
    }
KW_DEFINE_ERROR_MAKER(invalid, kInvalid)
KW_DEFINE_ERROR_MAKER(not_found, kNotFound)
KW_DEFINE_ERROR_MAKER(conflict, kConflict)
KW_DEFINE_ERROR_MAKER(exhausted, kExhausted)
KW_DEFINE_ERROR_MAKER(unavailable, kUnavailable)
KW_DEFINE_ERROR_MAKER(timed_out, kTimeout)
KW_DEFINE_ERROR_MAKER(cancelled, kCancelled)
KW_DEFINE_ERROR_MAKER(corrupt, kCorrupt)
KW_DEFINE_ERROR_MAKER(unsupported, kUnsupported)
KW_DEFINE_ERROR_MAKER(denied, kDenied)
KW_DEFINE_ERROR_MAKER(internal_error, kInternal)
#undef KW_DEFINE_ERROR_MAKER

}  // namespace kw

#define KW_CONCAT_INNER(a, b) a##b
#define KW_CONCAT(a, b) KW_CONCAT_INNER(a, b)

// Returns the error of `expression`, if any, from the enclosing function.
#define KW_TRY(expression)                                          \
    do {                                                            \
        if (auto kw_try_result = (expression); !kw_try_result.ok()) \
            return std::move(kw_try_result).error();                \
    } while (false)

// Declares or assigns `target` from the value of `expression`, or returns its error.
#define KW_TRY_ASSIGN(target, ...) \
    KW_TRY_ASSIGN_INNER(KW_CONCAT(kw_try_, __LINE__), target, __VA_ARGS__)
#define KW_TRY_ASSIGN_INNER(result, target, ...)        \
    auto result = (__VA_ARGS__);                        \
    if (!result.ok()) return std::move(result).error(); \
    target = std::move(result).value()
