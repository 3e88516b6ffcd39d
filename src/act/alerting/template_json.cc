#include "alerting/template_json.h"

namespace kw::alerting {

void append_expanded(JsonText& json, const TemplateValue& value, const Message& message) {
    switch (value.kind) {
        case TemplateValue::Kind::kNull: json.null(); break;
        case TemplateValue::Kind::kBool:
        case TemplateValue::Kind::kNumber: json.raw(value.text); break;
        case TemplateValue::Kind::kText: json.text(message.expand(value.text)); break;
        case TemplateValue::Kind::kList:
            json.begin_array();
            for (const TemplateValue& item : value.items) append_expanded(json, item, message);
            json.end_array();
            break;
        case TemplateValue::Kind::kMap:
            json.begin_object();
            for (size_t i = 0; i < value.items.size(); ++i) {
                json.key(message.expand(value.keys[i]));
                append_expanded(json, value.items[i], message);
            }
            json.end_object();
            break;
    }
}

}  // namespace kw::alerting
