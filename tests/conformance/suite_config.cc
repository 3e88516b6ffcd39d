// Suite config: whole configurations, the HTTP client block and the web configuration, good and bad.
#include <algorithm>
#include <set>

#include "app/config/config.h"
#include "app/config/web_config.h"
#include "base/fs/real.h"
#include "conformance/expectations.h"
#include "conformance/suites.h"

namespace kw::conformance {
namespace {

namespace stdfs = std::filesystem;

Result<void> load(const stdfs::path& path, bool agent_mode) {
    fs::RealFileSystem files;
    app::LoadOptions options;
    options.agent_mode = agent_mode;
    const Result<app::Config> config = app::load_config(files, path.string(), options);
    if (!config.ok()) return config.error();
    // What is shown must load again, and show no secret: one that is the text "mysecret" is everywhere.
    if (config->shown_yaml.find("mysecret") != std::string::npos) {
        return internal_error("the shown configuration has a secret in it");
    }
    const Result<app::Config> again =
        app::parse_config(files, config->shown_yaml, path.string(), options);
    if (!again.ok())
        return internal_error("what is shown does not load: {}", again.error().message);
    return {};
}

void judge(Tally& tally, const std::string& name, bool accept, const Result<void>& got) {
    if (got.ok() == accept && (got.ok() || got.error().code != Code::kInternal))
        return tally.pass();
    tally.fail(name,
               got.ok() ? "was accepted, must be refused" : "refused: " + got.error().message);
}

void run_whole(const stdfs::path& folder, Tally& tally) {
    if (!stdfs::is_directory(folder)) return;  // a selection may lack a part
    const std::vector<Expectation> expectations = read_expectations(folder);
    if (expectations.empty()) return tally.fail(folder.string(), "has no expect.json");
    for (const Expectation& expect : expectations) {
        if (expect.may_differ) {
            tally.skip("the refusal may be of what the older program does not know");
            continue;
        }
        const stdfs::path path = folder / expect.file;
        std::string text;
        if (!read_file(path, text, tally)) continue;
        const bool is_web = expect.file == "web-config.yml";
        const bool agent_mode = expect.file.starts_with("agent_mode");
        const Result<net::WebOptions> web =
            app::parse_web_config(is_web ? text : "", path.string());
        const Result<void> web_verdict = web.ok() ? Result<void>() : Result<void>(web.error());
        judge(tally, path.string(), expect.accept, is_web ? web_verdict : load(path, agent_mode));
    }
}

void run_http_client(const stdfs::path& folder, Tally& tally) {
    if (!stdfs::is_directory(folder)) return;
    std::set<stdfs::path> paths;
    for (const stdfs::directory_entry& entry : stdfs::directory_iterator(folder))
        paths.insert(entry.path());
    for (const stdfs::path& path : paths) {
        const std::string name = path.filename().string();
        std::string text;
        if (!read_file(path, text, tally)) continue;
        // Those without a word in their names are loaded by the source project's tests.
        const bool accept = accepted_by_name(name).value_or(true);
        const auto check = name.starts_with("tls_config") ? app::check_tls_config_text
                                                          : app::check_http_client_text;
        judge(tally, path.string(), accept, check(text, path.string()));
    }
}

}  // namespace

void run_config(const stdfs::path& folder, Tally& tally) {
    run_whole(folder / "prometheus", tally);
    run_whole(folder / "examples", tally);
    run_http_client(folder / "http-client", tally);
}

}  // namespace kw::conformance
