// A text that nobody is shown: a key, a token, a URL with a token in it. It has no conversion to text and no
// formatter; who sends it asks with reveal(), and only notifiers do.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace kw::fs {
class FileSystem;
}

namespace kw::alerting {

class Secret {
 public:
    Secret() = default;
    // Given in place.
    static Secret of_text(std::string text);
    // In a file that is read at each use, so that a renewed secret needs no restart.
    static Secret of_file(std::string path);

    bool empty() const { return text_.empty() && file_.empty(); }
    bool is_file() const { return !file_.empty(); }
    // Empty when given in place.
    const std::string& file() const { return file_; }
    // White space at both ends of a file is cut. Errors: those of the file; kExhausted over 1 MiB.
    Result<std::string> reveal(fs::FileSystem& files) const;

    bool operator==(const Secret&) const = default;

 private:
    std::string text_;
    std::string file_;
};

}  // namespace kw::alerting
