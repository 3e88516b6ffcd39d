// Any text as the answer to INFO: what is written is well-formed exposition text.
#include <cstdint>

#include "base/check.h"
#include "collect/redis/info.h"
#include "wire/exposition/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    kw::collect::FamilySet families;
    kw::collect::add_redis_info(kw::collect::parse_redis_info(text), 1e9, 16, families);
    std::string out;
    kw::collect::ExpositionWriter writer(out);
    families.write(writer);
    kw::wire::Parser parser(out, kw::wire::ExpositionFormat::kText);
    for (;;) {
        const kw::wire::Step step = parser.next({});
        KW_CHECK(step != kw::wire::Step::kError);
        if (step == kw::wire::Step::kEnd) return 0;
    }
}
