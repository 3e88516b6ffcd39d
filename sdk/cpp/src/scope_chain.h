// The scopes of a thread, from the innermost out: how the signal handler reads them.
#pragma once

#include <cstdint>

#include "kilowatch/profile.h"

namespace kilowatch {

struct ScopeChain {
    static uintptr_t frame(const ProfileScope& scope) {
        return reinterpret_cast<uintptr_t>(scope.frame_);
    }
    static uintptr_t owner(const ProfileScope& scope) {
        return reinterpret_cast<uintptr_t>(scope.owner_);
    }
    static const char* name(const ProfileScope& scope) { return scope.name_; }
    static const ProfileScope* outer(const ProfileScope& scope) { return scope.outer_; }
};

}  // namespace kilowatch
