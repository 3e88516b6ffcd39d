// Fuzzes the reader of rows of the table of alerts: what it reads, it writes to a row that reads the same. The input is a byte
// that says how long the key is, the key, and the content without its checksum, which a fuzzer does not find.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "alerting/alert_codec.h"
#include "base/bytes.h"
#include "base/checksum.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kw;
    if (size == 0) return 0;
    const ByteView rest(data + 1, size - 1);
    const ByteView key = rest.first(std::min<size_t>(data[0], rest.size()));
    const ByteView body = rest.subspan(key.size());
    (void)alerting::decode_alert(key, body);
    const uint32_t checksum = crc32c(rest);
    ByteWriter content;
    content.append(body);
    content.u32(checksum);
    const Result<alerting::Alert> read = alerting::decode_alert(key, content.view());
    if (!read.ok()) return 0;
    const Bytes key_again = alerting::encode_alert_key(read->labels);
    const Bytes content_again = alerting::encode_alert_content(key_again, *read);
    const Result<alerting::Alert> again = alerting::decode_alert(key_again, content_again);
    if (!again.ok() || !(*again == *read)) std::abort();
    return 0;
}
