// Questions and answers of DNS as bytes: one question, and of the answer its code and how many records it has.
//
// An answer is not trusted: names are skipped without following pointers, every length is held against the bytes.
// Source: RFC 1035, 4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kw::collect {

enum class DnsType : uint16_t {
    kA = 1,
    kNs = 2,
    kCname = 5,
    kSoa = 6,
    kMx = 15,
    kTxt = 16,
    kAaaa = 28,
    kSrv = 33,
};
// "A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT".
std::optional<DnsType> parse_dns_type(std::string_view text);

// A recursive question. Errors: kInvalid (a label that is empty or over 63 bytes, a name over 253).
Result<std::string> dns_question(uint16_t id, std::string_view name, DnsType type);

struct DnsAnswer {
    uint16_t id = 0;
    unsigned code = 0;  // 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, …
    bool is_truncated = false;
    unsigned answer_count = 0;  // as it says
    unsigned authority_count = 0;
    unsigned additional_count = 0;
    unsigned matching_count = 0;  // records of the answer that have the question's type
};
// Errors: kInvalid (no answer, cut off, not to this question).
Result<DnsAnswer> parse_dns_answer(std::string_view bytes, DnsType type);
std::string_view dns_code_name(unsigned code);  // "NXDOMAIN"; "?" for one that is not known

}  // namespace kw::collect
