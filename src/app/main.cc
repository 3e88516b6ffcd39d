// The command line: picks the command, which owns its flags and its exit code.
#include <fmt/core.h>

int main() {
    fmt::print("kilowatch\n");
    return 0;
}
