// Any bytes as an answer: no crash.
#include <cstdint>

#include "base/check.h"
#include "collect/probe/dns_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto answer = kw::collect::parse_dns_answer({reinterpret_cast<const char*>(data), size},
                                                      kw::collect::DnsType::kA);
    if (answer.ok()) KW_CHECK(answer->matching_count <= answer->answer_count);
    return 0;
}
