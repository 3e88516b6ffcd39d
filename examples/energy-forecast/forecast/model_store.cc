#include "forecast/model_store.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "platform/secrets.h"
#include "platform/text_file.h"

namespace energy {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool is_version(const std::string& name) {
    return name.size() >= 5 && name.size() <= 10 && name[0] == 'v' &&
           std::all_of(name.begin() + 1, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string metadata_to_json(const ModelMetadata& metadata) {
    json bands = json::array(), drift = json::array();
    for (const Band& band : metadata.bands) bands.push_back({band.low, band.high});
    for (size_t i = 0; i < kFeatureCount; ++i)
        drift.push_back({{"feature", kFeatureNames[i]},
                         {"edges", metadata.drift[i].edges},
                         {"shares", metadata.drift[i].shares}});
    return json{{"version", metadata.version},
                {"data_version", metadata.data_version},
                {"model_sha256", metadata.model_sha256},
                {"trained_at_s", metadata.trained_at_s},
                {"training_seconds", metadata.training_seconds},
                {"rows", metadata.rows},
                {"shuffled", metadata.shuffled},
                {"accuracy_percent", metadata.accuracy_percent},
                {"naive_accuracy_percent", metadata.naive_accuracy_percent},
                {"scales_mw", metadata.scales_mw},
                {"importance", metadata.importance},
                {"bands", bands},
                {"drift", drift}}
        .dump(1);
}

kw::Result<ModelMetadata> metadata_from_json(const std::string& text) {
    try {
        const json in = json::parse(text);
        ModelMetadata metadata;
        in.at("version").get_to(metadata.version);
        in.at("data_version").get_to(metadata.data_version);
        in.at("model_sha256").get_to(metadata.model_sha256);
        in.at("trained_at_s").get_to(metadata.trained_at_s);
        in.at("training_seconds").get_to(metadata.training_seconds);
        in.at("rows").get_to(metadata.rows);
        in.at("shuffled").get_to(metadata.shuffled);
        in.at("accuracy_percent").get_to(metadata.accuracy_percent);
        in.at("naive_accuracy_percent").get_to(metadata.naive_accuracy_percent);
        in.at("scales_mw").get_to(metadata.scales_mw);
        in.at("importance").get_to(metadata.importance);
        for (size_t i = 0; i < kBands; ++i)
            metadata.bands[i] = {in.at("bands").at(i).at(0).get<double>(),
                                 in.at("bands").at(i).at(1).get<double>()};
        for (size_t i = 0; i < kFeatureCount; ++i) {
            const json& one = in.at("drift").at(i);
            if (one.at("feature") != kFeatureNames[i])
                return kw::corrupt("metadata: feature {} is not {}", i, kFeatureNames[i]);
            one.at("edges").get_to(metadata.drift[i].edges);
            one.at("shares").get_to(metadata.drift[i].shares);
            if (metadata.drift[i].shares.size() != metadata.drift[i].edges.size() + 1)
                return kw::corrupt("metadata: drift of {}", kFeatureNames[i]);
        }
        return metadata;
    } catch (const json::exception& error) {
        return kw::corrupt("metadata: {}", error.what());
    }
}

kw::Result<ModelStore> ModelStore::open(std::string folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return kw::unavailable("{}: {}", folder, error.message());
    ModelStore store(std::move(folder));
    kw::Result<std::string> kept = read_file(store.folder_ + "/promoted");
    if (!kept.ok() && kept.error().code != kw::Code::kNotFound) return std::move(kept).error();
    std::string_view lines = kept.ok() ? std::string_view(*kept) : "";
    while (!lines.empty()) {
        const std::string line(lines.substr(0, lines.find('\n')));
        lines.remove_prefix(std::min(lines.size(), line.size() + 1));
        if (!is_version(line) || !fs::exists(store.folder_ + "/" + line))
            return kw::corrupt("{}/promoted names '{}', which is no version here", store.folder_,
                               line.substr(0, 40));
        store.promotions_.push_back(line);
    }
    return store;
}

std::vector<std::string> ModelStore::versions() const {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_, error))
        if (is_version(entry.path().filename().string()))
            found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
}

kw::Result<Model> ModelStore::add(Model model) {
    const std::vector<std::string> before = versions();
    const int number = before.empty() ? 1 : std::stoi(before.back().substr(1)) + 1;
    model.metadata.version = fmt::format("v{:04}", number);
    KW_TRY_ASSIGN(const std::string bytes, model.booster.save());
    model.size_bytes = bytes.size();
    model.metadata.model_sha256 = sha256_hex(bytes);
    const std::string final_name = folder_ + "/" + model.metadata.version, fresh = folder_ + "/new";
    std::error_code error;
    fs::remove_all(fresh, error);
    fs::create_directories(fresh, error);
    KW_TRY(write_file(fresh + "/model.ubj", bytes));
    KW_TRY(write_file(fresh + "/metadata.json", metadata_to_json(model.metadata)));
    fs::rename(fresh, final_name, error);
    if (error) return kw::unavailable("{}: {}", final_name, error.message());
    for (size_t i = 0; i + kVersionsKept <= before.size(); ++i)
        if (std::find(promotions_.begin(), promotions_.end(), before[i]) == promotions_.end())
            fs::remove_all(folder_ + "/" + before[i], error);
    return model;
}

kw::Result<Model> ModelStore::load(const std::string& version) const {
    if (!is_version(version))
        return kw::not_found("there is no version '{}'", version.substr(0, 40));
    const std::string folder = folder_ + "/" + version;
    KW_TRY_ASSIGN(const std::string text, read_file(folder + "/metadata.json"));
    kw::Result<ModelMetadata> metadata = metadata_from_json(text);
    if (!metadata.ok()) return std::move(metadata).error().with_context(folder);
    KW_TRY_ASSIGN(const std::string bytes, read_file(folder + "/model.ubj"));
    if (sha256_hex(bytes) != metadata->model_sha256)
        return kw::corrupt("{}/model.ubj is not what was written", folder);
    kw::Result<Booster> booster = Booster::load(bytes);
    if (!booster.ok()) return std::move(booster).error().with_context(folder);
    return Model{std::move(metadata).value(), std::move(booster).value(), bytes.size()};
}

kw::Result<void> ModelStore::write_promotions() const {
    std::string lines;
    for (const std::string& version : promotions_) lines += version + "\n";
    return write_file(folder_ + "/promoted", lines);
}

kw::Result<void> ModelStore::promote(const std::string& version) {
    if (!is_version(version) || !fs::exists(folder_ + "/" + version))
        return kw::not_found("there is no version '{}'", version.substr(0, 40));
    promotions_.push_back(version);
    if (promotions_.size() > kPromotionsKept) promotions_.erase(promotions_.begin());
    return write_promotions();
}

kw::Result<std::string> ModelStore::roll_back() {
    if (promotions_.size() < 2)
        return kw::conflict("there is no earlier promotion to roll back to");
    promotions_.pop_back();
    KW_TRY(write_promotions());
    return promotions_.back();
}

}  // namespace energy
