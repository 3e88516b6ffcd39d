// The schema of alertmanager.yml: its blocks, in the tables beside this.
// Source: https://prometheus.io/docs/alerting/latest/configuration/
#pragma once

#include <string_view>

#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

// schema_route.cc
extern const Block kRouteBlock;
extern const Block kInhibitRuleBlock;
extern const Block kTimeIntervalBlock;
// schema_receivers.cc: those that act
extern const Block kPagerDutyBlock;
extern const Block kSlackBlock;
extern const Block kWebhookBlock;
extern const Block kEmailBlock;
// schema_receivers_chat.cc, schema_receivers_other.cc: those that do not act yet
extern const Block kDiscordBlock;
extern const Block kIncidentioBlock;
extern const Block kJiraBlock;
extern const Block kMattermostBlock;
extern const Block kMsteamsBlock;
extern const Block kMsteamsV2Block;
extern const Block kOpsgenieBlock;
extern const Block kPushoverBlock;
extern const Block kRocketchatBlock;
extern const Block kSnsBlock;
extern const Block kTelegramBlock;
extern const Block kVictoropsBlock;
extern const Block kWebexBlock;
extern const Block kWechatBlock;

// Checks of receivers.
// The key, if set, is an http or https URL; <secret> is one too, so that what is shown loads again.
Result<void> check_secret_url(const Section& section, std::string_view key);
// One of `key` and `key`_file, not both.
Result<void> check_one_of_file(const Section& section, std::string_view key);
Result<void> check_not_with_file(const Section& section, std::string_view key);
// The key, if set, is a duration of Go: 1.5s, 300ms, 1h30m.
Result<void> check_go_duration(const Section& section, std::string_view key);
// Milliseconds. Errors: kInvalid.
Result<int64_t> parse_go_duration_ms(std::string_view text);
// host:port with a port that is not empty, or nothing.
Result<void> check_host_port(const Section& section, std::string_view key);

}  // namespace kw::app
