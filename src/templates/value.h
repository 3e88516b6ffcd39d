// What a template works on: values with the types that Go's templates would see, since how a value prints and
// compares follows from its type there.
//
//   nil, bool, int, float64, string · a list · a map or struct · an object with methods
//
// Lists, maps and objects are shared and never changed, so that a value is cheap to pass around.
// Threads: immutable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace kw::templates {

class Value;
struct Map;
using List = std::vector<Value>;

// A thing with methods, such as a time. `.Name arguments…` in a template calls member().
class Object {
 public:
    virtual ~Object() = default;
    // As Go would name it, for messages: "time.Time".
    virtual std::string type_name() const = 0;
    // Errors: kInvalid when there is no such member, or the arguments do not fit.
    virtual Result<Value> member(std::string_view name, std::span<const Value> arguments) const = 0;
    // What printing it gives.
    virtual std::string text() const = 0;
    // As a number, where there is one: a duration's seconds.
    virtual bool number(double& out) const;
    // What it is beside its methods, null where it is neither: range, len and index see these.
    virtual const List* list() const;
    virtual const Map* map() const;
};

struct Map {
    enum class Kind : unsigned char {
        kStruct,   // a name that is not there is an error
        kStrings,  // map[string]string: a missing key is ""
        kAny,      // a missing key is no value
    };
    Kind kind = Kind::kAny;
    std::map<std::string, Value, std::less<>> entries;
};

class Value {
 public:
    using Data = std::variant<std::monostate, bool, int64_t, double, std::string,
                              std::shared_ptr<const List>, std::shared_ptr<const Map>,
                              std::shared_ptr<const Object>>;

    Value() = default;
    Value(bool value) : data_(value) {}
    Value(int64_t value) : data_(value) {}
    Value(double value) : data_(value) {}
    Value(std::string value) : data_(std::move(value)) {}
    Value(const char* value) : data_(std::string(value)) {}
    Value(std::shared_ptr<const Object> value) : data_(std::move(value)) {}
    static Value list(List items);
    static Value map(Map map);

    const Data& data() const { return data_; }
    bool is_nil() const { return data_.index() == 0; }
    template <typename T>
    const T* as() const {
        return std::get_if<T>(&data_);
    }
    const std::string* as_string() const { return std::get_if<std::string>(&data_); }
    const List* as_list() const;
    const Map* as_map() const;
    const Object* as_object() const;

    // Whether `if` takes it for true: not nil, false, 0 or empty.
    bool truth() const;
    // As Go's fmt.Sprint prints it; nil is "<nil>".
    std::string text() const;
    // "string", "float64", "map[string]string", …
    std::string type_name() const;

 private:
    Data data_;
};

}  // namespace kw::templates
