#include "platform/bodies.h"

#include <gtest/gtest.h>

#include <cmath>

namespace energy {
namespace {

TEST(Bodies, LoginsHaveAUserAndAPassword) {
    const auto login = parse_login(R"({"user":"ann","password":"s"})");
    ASSERT_TRUE(login.ok());
    EXPECT_EQ(login->user + "/" + login->password, "ann/s");
    for (const std::string& body :
         {std::string("{"), std::string(R"({"user":7,"password":"secret"})"), std::string("[]"),
          R"({"user":")" + std::string(101, 'x') + R"(","password":""})",
          std::string(R"({"user":"","password":""})")}) {
        const auto refused = parse_login(body);
        ASSERT_FALSE(refused.ok()) << body;
        EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
    }
}

TEST(Bodies, ReadingsKeepTheNewestRevision) {
    const auto batch = parse_readings(
        R"({"readings":[{"zone":"berlin","slot":7,"demand_mw":1,"revision":1},)"
        R"({"zone":"berlin","slot":7,"demand_mw":2},{"zone":"lisbon","slot":8,"demand_mw":3.5}]})",
        10);
    ASSERT_TRUE(batch.ok()) << batch.error().message;
    ASSERT_EQ(batch->size(), 2u);
    EXPECT_EQ(batch->at({"berlin", 7}).demand_mw, 1);
    EXPECT_EQ(batch->at({"lisbon", 8}).demand_mw, 3.5);
}

TEST(Bodies, ReadingsAreRefusedWithTheReason) {
    struct Row {
        std::string_view reading;
        std::string_view want;
    };
    const Row rows[] = {
        {R"({"zone":"atlantis","slot":7,"demand_mw":1})", "zone 'atlantis' is unknown"},
        {R"({"zone":"berlin","slot":10,"demand_mw":1})", "slot 10: is not in the past"},
        {R"({"zone":"berlin","slot":-1,"demand_mw":1})", "slot -1: want 0 to"},
        {R"({"zone":"berlin","slot":7.5,"demand_mw":1})", "slot: want a whole number"},
        {R"({"zone":"berlin","slot":1e300,"demand_mw":1})", "slot: want a whole number"},
        {R"({"zone":"berlin","slot":18446744073709551615,"demand_mw":1})",
         "slot: want a whole number"},
        {R"({"zone":"berlin","slot":7,"demand_mw":1e9})", "demand_mw"},
        {R"({"zone":"berlin","slot":7,"demand_mw":1,"revision":4294967296})", "revision"},
        {R"({"zone":"berlin","slot":7})", "body: "},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.reading);
        const auto batch = parse_readings(R"({"readings":[)" + std::string(row.reading) + "]}", 10);
        ASSERT_FALSE(batch.ok());
        EXPECT_NE(batch.error().message.find(row.want), std::string::npos) << batch.error().message;
    }
    EXPECT_FALSE(parse_readings(R"({"readings":[]})", 10).ok());
}

TEST(Bodies, WhatToForecastHasGapsAndBounds) {
    const auto request = parse_predict(
        R"({"zone":"berlin","issued":100,"first":90,"load":[1,null],"temperature":[],"forecast":[20.5]})");
    ASSERT_TRUE(request.ok()) << request.error().message;
    EXPECT_EQ(request->history.first, 90);
    EXPECT_TRUE(std::isnan(request->history.load_mw.at(1)));
    EXPECT_FALSE(
        parse_predict(
            R"({"zone":"berlin","issued":100,"first":90,"load":[1e300],"temperature":[],"forecast":[]})")
            .ok());
    EXPECT_FALSE(
        parse_predict(
            R"({"zone":"berlin","issued":1e99,"first":90,"load":[],"temperature":[],"forecast":[]})")
            .ok());
    std::string many =
        R"({"zone":"berlin","issued":1,"first":0,"temperature":[],"forecast":[],"load":[0)";
    for (int i = 0; i < 10'000; ++i) many += ",0";
    EXPECT_FALSE(parse_predict(many + "]}").ok());
}

}  // namespace
}  // namespace energy
