// Alerts as bytes, for the small state: what intents of notifications and the table of alerts are made of.
// Format: docs/formats/state.md. Errors of what reads: kCorrupt; nothing is read past the end.
#pragma once

#include "alerting/alert.h"
#include "alerting/receiver_config.h"
#include "base/bytes.h"
#include "base/result.h"
#include "model/labels.h"

namespace kw::alerting {

void put_labels(ByteWriter& out, const LabelSet& labels);
Result<LabelSet> take_labels(ByteReader& in);

void put_pairs(ByteWriter& out, const TemplateMap& pairs);
Result<TemplateMap> take_pairs(ByteReader& in);

// All of an alert but its labels.
void put_alert_rest(ByteWriter& out, const Alert& alert);
Result<Alert> take_alert_rest(ByteReader& in, LabelSet labels);

// A row of the table of alerts: the labels, which are its key, and the rest with version and checksum, which
// covers the labels too. Errors of decode: kCorrupt, kUnsupported.
Bytes encode_alert_key(const LabelSet& labels);
Bytes encode_alert_content(ByteView key, const Alert& alert);
Result<Alert> decode_alert(ByteView key, ByteView content);

}  // namespace kw::alerting
