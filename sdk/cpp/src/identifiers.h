// Random trace and span ids: 2 and 1 words of a generator that each thread has for itself, seeded
// by the kernel, and seeded anew in the child of a fork(), which would otherwise repeat its
// parent's ids.
#pragma once

#include "kilowatch/trace.h"

namespace kilowatch {

TraceId random_trace_id();  // never zero
SpanId random_span_id();    // never zero
uint64_t random_word();

}  // namespace kilowatch
