// What a command of the command line is given. Commands add themselves to CLI11's tree (main.cc) and leave
// what is to be done in `chosen`; main.cc runs it and ends with its exit code.
//
//   0  done        1  failed: the error is on `err`        3  done, with remarks of the linter
#pragma once

#include <functional>
#include <iosfwd>

namespace kw::fs {
class FileSystem;
}

namespace kw::app {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitLint = 3;

struct CommandContext {
    fs::FileSystem& files;
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
};

using CommandRun = std::function<int(CommandContext&)>;

}  // namespace kw::app
