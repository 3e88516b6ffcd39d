// The metrics that every process has, under the names of Prometheus' client libraries:
// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
// process_open_fds, process_max_fds, process_start_time_seconds, process_threads, and the bytes of
// its network namespace (process_network_receive_bytes_total,
// process_network_transmit_bytes_total). Read from /proc at every scrape.
#pragma once

#include "kilowatch/metrics.h"

namespace kilowatch {

[[nodiscard]] CollectorHandle add_process_metrics(Registry& registry);

}  // namespace kilowatch
