// The union of two columns of samples of one series.
#pragma once

namespace kw {
struct SampleColumns;
}

namespace kw::tsdb {

// Merges `newer` into `older`: the union of their times, `older`'s sample where both have one.
// `scratch` is overwritten. Linear; appending when all of `newer` comes after `older`.
void merge_samples(SampleColumns& older, const SampleColumns& newer, SampleColumns& scratch);

}  // namespace kw::tsdb
