// A value of the configuration with templates in its texts, expanded into JSON.
#pragma once

#include "alerting/json_text.h"
#include "alerting/message.h"

namespace kw::alerting {

void append_expanded(JsonText& json, const TemplateValue& value, const Message& message);

}  // namespace kw::alerting
