#include "templates/value.h"

#include "templates/go_format.h"

namespace kw::templates {

bool Object::number(double&) const { return false; }

const List* Object::list() const { return nullptr; }

const Map* Object::map() const { return nullptr; }

Value Value::list(List items) {
    Value value;
    value.data_ = std::make_shared<const List>(std::move(items));
    return value;
}

Value Value::map(Map map) {
    Value value;
    value.data_ = std::make_shared<const Map>(std::move(map));
    return value;
}

const List* Value::as_list() const {
    if (const Object* const object = as_object()) return object->list();
    const auto* const pointer = as<std::shared_ptr<const List>>();
    return pointer == nullptr ? nullptr : pointer->get();
}

const Map* Value::as_map() const {
    if (const Object* const object = as_object()) return object->map();
    const auto* const pointer = as<std::shared_ptr<const Map>>();
    return pointer == nullptr ? nullptr : pointer->get();
}

const Object* Value::as_object() const {
    const auto* const pointer = as<std::shared_ptr<const Object>>();
    return pointer == nullptr ? nullptr : pointer->get();
}

bool Value::truth() const {
    struct Visitor {
        bool operator()(std::monostate) const { return false; }
        bool operator()(bool value) const { return value; }
        bool operator()(int64_t value) const { return value != 0; }
        bool operator()(double value) const { return value != 0; }
        bool operator()(const std::string& value) const { return !value.empty(); }
        bool operator()(const std::shared_ptr<const List>& value) const { return !value->empty(); }
        bool operator()(const std::shared_ptr<const Map>& value) const {
            return value->kind == Map::Kind::kStruct || !value->entries.empty();
        }
        bool operator()(const std::shared_ptr<const Object>& value) const {
            if (const List* const list = value->list()) return !list->empty();
            if (const Map* const map = value->map()) return !map->entries.empty();
            return true;
        }
    };
    return std::visit(Visitor{}, data_);
}

std::string Value::text() const {
    struct Visitor {
        std::string operator()(std::monostate) const { return "<nil>"; }
        std::string operator()(bool value) const { return value ? "true" : "false"; }
        std::string operator()(int64_t value) const { return std::to_string(value); }
        std::string operator()(double value) const { return format_float(value, 'g', -1); }
        std::string operator()(const std::string& value) const { return value; }
        std::string operator()(const std::shared_ptr<const List>& value) const {
            std::string out = "[";
            for (const Value& item : *value) out += (out.size() > 1 ? " " : "") + item.text();
            return out + "]";
        }
        std::string operator()(const std::shared_ptr<const Map>& value) const {
            const bool is_struct = value->kind == Map::Kind::kStruct;
            std::string out;
            for (const auto& [name, item] : value->entries) {
                if (!out.empty()) out += ' ';
                if (!is_struct) out += name + ":";
                out += item.text();
            }
            return is_struct ? "{" + out + "}" : "map[" + out + "]";
        }
        std::string operator()(const std::shared_ptr<const Object>& value) const {
            return value->text();
        }
    };
    return std::visit(Visitor{}, data_);
}

std::string Value::type_name() const {
    struct Visitor {
        std::string operator()(std::monostate) const { return "<nil>"; }
        std::string operator()(bool) const { return "bool"; }
        std::string operator()(int64_t) const { return "int"; }
        std::string operator()(double) const { return "float64"; }
        std::string operator()(const std::string&) const { return "string"; }
        std::string operator()(const std::shared_ptr<const List>&) const {
            return "[]interface {}";
        }
        std::string operator()(const std::shared_ptr<const Map>& value) const {
            if (value->kind == Map::Kind::kStruct) return "struct";
            return value->kind == Map::Kind::kStrings ? "map[string]string"
                                                      : "map[string]interface {}";
        }
        std::string operator()(const std::shared_ptr<const Object>& value) const {
            return value->type_name();
        }
    };
    return std::visit(Visitor{}, data_);
}

}  // namespace kw::templates
