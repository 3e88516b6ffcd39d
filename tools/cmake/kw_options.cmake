# Flags of every target: warnings as errors, frame pointers (profilers walk them), sanitizers.
add_compile_options(
    -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
    -Wthread-safety -Werror -fno-omit-frame-pointer -fcolor-diagnostics -pthread)
add_link_options(-fuse-ld=mold)

# SSE4.2 (crc32c, string scans) and POPCNT are the floor; wider code is chosen at run time.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    add_compile_options(-march=x86-64-v2)
endif()

if(KW_ASAN)
    # Null, vptr and object-size checks find what AddressSanitizer stops at as well, and take a fifth of the compile time.
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
                        -fno-sanitize=null,vptr,object-size)
    add_link_options(-fsanitize=address,undefined)
elseif(KW_TSAN)
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
endif()

# Boost and simdjson ship headers with warnings of their own.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(GTest REQUIRED)
find_package(CURL REQUIRED)
find_package(Snappy REQUIRED)
