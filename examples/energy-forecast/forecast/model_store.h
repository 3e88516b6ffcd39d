// Versions of the model on disk, kept, promoted and rolled back.
//
//   models/v0001/model.ubj       XGBoost's own form
//                metadata.json   all of ModelMetadata
//          v0002/…
//          promoted              a line a promotion, the newest last: what serves, and what to roll back to
// A version is written to a folder of another name and renamed, so that it is there whole or not at all. The newest
// kVersionsKept stay, and every promoted one that a roll-back may want.
// Threads: one at a time; the owner has the lock.
#pragma once

#include <string>
#include <vector>

#include "forecast/model.h"

namespace energy {

inline constexpr size_t kVersionsKept = 10;
inline constexpr size_t kPromotionsKept = 5;

class ModelStore final {
 public:
    // Makes the folder where it lacks. Errors: kUnavailable, kCorrupt (a file of promotions that names no version).
    static kw::Result<ModelStore> open(std::string folder);

    // Gives the model its version and size. Removes versions that are too many.
    kw::Result<Model> add(Model model);
    kw::Result<Model> load(const std::string& version) const;  // kNotFound, kCorrupt
    kw::Result<void> promote(const std::string& version);      // kNotFound
    // Back to the promotion before; gives its version. Errors: kConflict when there is none.
    kw::Result<std::string> roll_back();

    std::string promoted() const { return promotions_.empty() ? "" : promotions_.back(); }
    std::vector<std::string> versions() const;  // ascending

 private:
    explicit ModelStore(std::string folder) : folder_(std::move(folder)) {}
    kw::Result<void> write_promotions() const;
    std::string folder_;
    std::vector<std::string> promotions_;
};

std::string metadata_to_json(const ModelMetadata& metadata);
kw::Result<ModelMetadata> metadata_from_json(const std::string& text);  // kCorrupt

}  // namespace energy
