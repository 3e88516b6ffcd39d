// Answers held against the OpenAPI description that Prometheus' own tests hold as right.
// The description lies under $KW_CONFORMANCE, else ../shared/conformance beside the source tree.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "api/api_fixture.h"

namespace kw::api {
namespace {

using Json = nlohmann::json;

std::filesystem::path description_file() {
    const char* const folder = std::getenv("KW_CONFORMANCE");
    // testdata/ → api/ → present/ → src/ → the source tree, and beside it shared/.
    const std::filesystem::path shared =
        std::filesystem::path(KW_TESTDATA) / "../../../../../shared/conformance";
    const std::filesystem::path root = folder != nullptr ? std::filesystem::path(folder) : shared;
    return (root / "api" / "prometheus-openapi-3.1.yaml").lexically_normal();
}

// The part of JSON Schema that the description uses. Says the first thing that does not fit, or nothing.
class Schemas final {
 public:
    explicit Schemas(YAML::Node document) : document_(std::move(document)) {}

    YAML::Node answer_of(const std::string& path, const std::string& method) const {
        return document_["paths"][path][method]["responses"]["200"]["content"]["application/json"]
                        ["schema"];
    }
    YAML::Node named(const std::string& name) const {
        return document_["components"]["schemas"][name];
    }

    std::string misfit(const Json& value, const YAML::Node& schema,
                       const std::string& where) const {
        if (const YAML::Node reference = schema["$ref"]) {
            const std::string name = reference.Scalar();
            return misfit(value, named(name.substr(name.rfind('/') + 1)), where);
        }
        for (const char* const choice : {"anyOf", "oneOf"}) {
            if (!schema[choice]) continue;
            std::string all;
            for (const YAML::Node& one : schema[choice]) {
                const std::string misfits = misfit(value, one, where);
                if (misfits.empty()) return {};
                all += "\n  " + misfits;
            }
            return where + " fits none of the choices:" + all;
        }
        if (const YAML::Node type = schema["type"]; type && !is_of_type(value, type.Scalar())) {
            return where + " is " + value.type_name() + ", want " + type.Scalar();
        }
        if (const YAML::Node allowed = schema["enum"]) {
            const bool found =
                std::any_of(allowed.begin(), allowed.end(), [&](const YAML::Node& one) {
                    return value.is_string() && one.Scalar() == value.get<std::string>();
                });
            if (!found) return where + " is " + value.dump() + ", which is not in the enumeration";
        }
        if (value.is_object()) return object_misfit(value, schema, where);
        if (value.is_array()) return array_misfit(value, schema, where);
        return {};
    }

 private:
    static bool is_of_type(const Json& value, const std::string& type) {
        if (type == "object") return value.is_object();
        if (type == "array") return value.is_array();
        if (type == "string") return value.is_string();
        if (type == "integer") return value.is_number_integer();
        if (type == "number") return value.is_number();
        if (type == "boolean") return value.is_boolean();
        return false;
    }

    std::string object_misfit(const Json& value, const YAML::Node& schema,
                              const std::string& where) const {
        for (const YAML::Node& name : schema["required"]) {
            if (!value.contains(name.Scalar())) return where + " lacks " + name.Scalar();
        }
        const YAML::Node properties = schema["properties"];
        const YAML::Node others = schema["additionalProperties"];
        for (const auto& [name, member] : value.items()) {
            const std::string here = where + "." + name;
            if (properties && properties[name]) {
                if (std::string misfits = misfit(member, properties[name], here); !misfits.empty())
                    return misfits;
            } else if (others && others.IsMap()) {
                if (std::string misfits = misfit(member, others, here); !misfits.empty())
                    return misfits;
            } else if (others && others.Scalar() == "false") {
                return here + " is not in the description";
            }
        }
        return {};
    }

    std::string array_misfit(const Json& value, const YAML::Node& schema,
                             const std::string& where) const {
        if (schema["minItems"] && value.size() < schema["minItems"].as<size_t>())
            return where + " is too short";
        if (schema["maxItems"] && value.size() > schema["maxItems"].as<size_t>())
            return where + " is too long";
        const YAML::Node items = schema["items"];
        for (size_t i = 0; items && i < value.size(); ++i) {
            std::string misfits = misfit(value[i], items, where + "[" + std::to_string(i) + "]");
            if (!misfits.empty()) return misfits;
        }
        return {};
    }

    YAML::Node document_;
};

struct Request {
    std::string path;  // as in the description
    TestParams params;
    std::string asked;  // the path asked, when it is not the same
    std::string method = "GET";
};

const std::vector<Request>& requests() {
    static const std::vector<Request> all = {
        {"/query", {{"query", "up"}}, {}},
        {"/query", {{"query", "up"}, {"stats", "all"}}, {}, "POST"},
        {"/query", {{"query", "up[1m]"}, {"limit", "1"}}, {}},
        {"/query", {{"query", "1"}, {"stats", "true"}}, {}},
        {"/query_range",
         {{"query", "sum(up)"}, {"start", "0"}, {"end", "60"}, {"step", "15"}, {"stats", "all"}},
         {}},
        {"/query_range",
         {{"query", "1"}, {"start", "0"}, {"end", "60"}, {"step", "15"}},
         {},
         "POST"},
        {"/format_query", {{"query", "sum(up)by(job)"}}, {}},
        {"/features", {}, {}},
        {"/status/self_metrics", {}, {}},
        {"/status/tsdb/blocks", {}, {}},
        {"/targets/relabel_steps", {{"scrapePool", "api"}, {"labels", R"({"job":"x"})"}}, {}},
        {"/parse_query", {{"query", "sum(up)by(job) / on(a) rate(x[5m])"}}, {}, "POST"},
        {"/labels", {}, {}},
        {"/labels", {{"match[]", "up"}, {"limit", "1"}}, {}, "POST"},
        {"/label/{name}/values", {}, "/label/job/values"},
        {"/series", {{"match[]", "up"}}, {}},
        {"/series", {{"match[]", "{job=\"api\"}"}}, {}, "POST"},
        {"/metadata", {}, {}},
        {"/scrape_pools", {}, {}},
        {"/scrape_pools/config", {{"scrapePool", "api"}}, {}},
        {"/targets", {}, {}},
        {"/targets/metadata", {}, {}},
        {"/rules", {}, {}},
        {"/rules", {{"type", "alert"}, {"group_limit", "1"}}, {}},
        {"/alerts", {}, {}},
        {"/alertmanagers", {}, {}},
        {"/status/config", {}, {}},
        {"/status/runtimeinfo", {}, {}},
        {"/notifications", {}, {}},
        {"/status/buildinfo", {}, {}},
        {"/status/flags", {}, {}},
        {"/status/tsdb", {}, {}},
        {"/status/walreplay", {}, {}},
        {"/admin/tsdb/snapshot", {}, {}, "POST"},
    };
    return all;
}

TEST(OpenApi, AnswersFitTheDescription) {
    if (!std::filesystem::exists(description_file()))
        GTEST_SKIP() << "no description in " << description_file();
    const Schemas schemas(YAML::LoadFile(description_file().string()));
    ApiFixture api;
    api.targets = test_targets();
    api.targets.relabel_rules = [](std::string_view) {
        intake::RelabelConfig rule;
        rule.source_labels = {"job"};
        rule.target_label = "team";
        return std::optional(std::vector{intake::RelabelRule::make(rule).value()});
    };
    api.rule_groups = test_rule_groups();
    api.options.enable_admin_api = true;
    PrometheusApi::Dependencies given = api.dependencies();
    given.snapshot = [](bool) -> Result<std::string> { return std::string("20260102T133700Z-a1"); };
    api.routes = std::make_unique<net::Router>();
    add_prometheus_routes(*api.routes, std::move(given));
    for (const Request& request : requests()) {
        SCOPED_TRACE(request.method + " " + request.path);
        const auto answer = api.ask(
            request.method, "/api/v1" + (request.asked.empty() ? request.path : request.asked),
            request.params);
        ASSERT_EQ(answer.status, 200) << answer.body;
        std::string method = request.method;
        std::transform(method.begin(), method.end(), method.begin(),
                       [](char c) { return static_cast<char>(c | 0x20); });
        const YAML::Node schema = schemas.answer_of(request.path, method);
        ASSERT_TRUE(schema);
        EXPECT_EQ(schemas.misfit(answer.json(), schema, "answer"), "") << answer.body;
    }
    const auto refused = api.get("/api/v1/query");
    EXPECT_EQ(schemas.misfit(refused.json(), schemas.named("Error"), "answer"), "");
}

}  // namespace
}  // namespace kw::api
