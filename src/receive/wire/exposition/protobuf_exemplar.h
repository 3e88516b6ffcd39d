// Exemplars of an exposition in protobuf.
//
//   Exemplar  { repeated LabelPair label = 1; double value = 2; Timestamp timestamp = 3; }
//   LabelPair { string name = 1; string value = 2; }
//   Timestamp { int64 seconds = 1; int32 nanos = 2; }
//
// How strict: fields of the wrong shape are errors, as in the rest of the body; an exemplar whose labels are no set of
// valid names and values, or whose time is out of reach, is left out.
// Source: https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
#pragma once

#include <optional>
#include <string_view>

#include "model/sample.h"
#include "wire/protobuf/field_reader.h"

namespace kw::wire {

// Both read the message `in` to its end; false: it is malformed, and `in` says how.
bool read_label_pair(protobuf::FieldReader& in, std::string_view& name, std::string_view& value);
// Sets `out`; to nullopt where the exemplar is left out.
bool read_exemplar(protobuf::FieldReader& in, std::optional<Exemplar>& out);

}  // namespace kw::wire
