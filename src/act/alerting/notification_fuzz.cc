// Fuzzes the reader of notifications that a crash left: what it reads, it writes to the same bytes again. The input is the
// content; its checksum is put behind it, since a fuzzer does not find one.
#include <cstdint>
#include <cstdlib>

#include "alerting/notification_log.h"
#include "base/bytes.h"
#include "base/checksum.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kw;
    const ByteView content(data, size);
    (void)alerting::decode_notification(content);
    ByteWriter out;
    out.append(content);
    const uint32_t checksum = crc32c(out.view());
    out.u32(checksum);
    const Result<alerting::Notification> read = alerting::decode_notification(out.view());
    if (!read.ok()) return 0;
    const Bytes written = alerting::encode_notification(*read);
    const Result<alerting::Notification> again = alerting::decode_notification(written);
    if (!again.ok() || alerting::encode_notification(*again) != written) std::abort();
    return 0;
}
