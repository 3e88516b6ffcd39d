#include "base/result.h"

namespace kw {

std::string_view code_name(Code code) {
    switch (code) {
        case Code::kInvalid: return "invalid";
        case Code::kNotFound: return "not found";
        case Code::kConflict: return "conflict";
        case Code::kExhausted: return "exhausted";
        case Code::kUnavailable: return "unavailable";
        case Code::kTimeout: return "timeout";
        case Code::kCancelled: return "cancelled";
        case Code::kCorrupt: return "corrupt";
        case Code::kUnsupported: return "unsupported";
        case Code::kDenied: return "denied";
        case Code::kInternal: return "internal";
    }
    return "unknown";
}

Error Error::with_context(std::string_view context) && {
    std::string text;
    text.reserve(context.size() + 2 + message.size());
    text.append(context).append(": ").append(message);
    return Error{code, std::move(text)};
}

}  // namespace kw
