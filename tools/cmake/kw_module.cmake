# kw_module(NAME [IN stage] [DEPS modules…] [LIBS targets…])
#
# A module is the folder src/[stage/]NAME; NAME may be of two words, as app/config, whose targets have app_config in
# their names and which `app` does without. All its *.cc make the library kw_NAME, except
#   *_test.cc   one GoogleTest program NAME_test, run by CTest as NAME_test
#   *_fuzz.cc   one libFuzzer program each, with KW_FUZZ; CTest runs it over testdata/fuzz/<stem>/
#   *_bench.cc  one Google Benchmark program NAME_bench, with KW_BENCH
#   main.cc     left out: the program that owns it lists it
# A module with more to say (generated sources) has a module.cmake in its folder.
# DEPS may name only modules declared above, so a cycle cannot be written down.
# How targets are compiled where all is built at once (KW_AT_ONCE): a target is one unit, so that what its files include
# is read once. Names in anonymous namespaces are therefore unique within a module, and within its tests, but for those
# in KW_APART. The engines (KW_ENGINES) are compiled file by file in the release, so that what the compiler inlines there
# is what was measured. A sanitizer's build is for one run of its tests, so it optimizes nothing (its preset says -O0) but
# the engines, which do the most work in tests.
set(KW_ENGINES kw_base kw_codec kw_model kw_contract kw_tsdb kw_wire kw_intake kw_promql)
set(KW_APART app_test app_config_test alerting_test incidents_test intake_test net_test rules_test
    state_test tsdb_test wire_test)
if(KW_ASAN OR KW_TSAN)
    set(KW_SANITIZED ON)
endif()

# What nearly every file includes is compiled once for all modules (once more for those that are optimized), and once,
# with GoogleTest, for all tests. Off in the editor's and the daily build, so that a missing include shows.
function(kw_shared_headers target)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/headers.cc CONTENT "")
    add_library(${target} OBJECT ${CMAKE_BINARY_DIR}/generated/headers.cc)
    set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(${target} PRIVATE fmt::fmt spdlog::spdlog)
    target_precompile_headers(${target} PRIVATE
        <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <condition_variable> <cstdint> <cstdlib> <functional>
        <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility>
        <variant> <vector> <fmt/core.h> <fmt/format.h>
        "${CMAKE_SOURCE_DIR}/src/base/result.h" "${CMAKE_SOURCE_DIR}/src/base/log.h"
        "${CMAKE_SOURCE_DIR}/src/base/metrics.h" "${CMAKE_SOURCE_DIR}/src/base/clock.h"
        "${CMAKE_SOURCE_DIR}/src/model/labels.h" "${CMAKE_SOURCE_DIR}/src/model/sample.h")
    if(target STREQUAL kw_engine_headers)
        target_compile_options(${target} PRIVATE -O1)
    elseif(target STREQUAL kw_test_headers)
        target_link_libraries(${target} PRIVATE GTest::gmock)
        target_precompile_headers(${target} PRIVATE <gtest/gtest.h> <gmock/gmock.h>)
        kw_test_options(${target})
    endif()
endfunction()

# What is tested has all checks; the tests' own code goes without the ones that take a third of its compile time.
function(kw_test_options target)
    target_compile_options(${target} PRIVATE $<$<BOOL:${KW_ASAN}>:-fno-sanitize=undefined>)
endfunction()

# HEADERS: kw_headers or kw_test_headers.
function(kw_compile target headers)
    if(KW_SANITIZED AND target IN_LIST KW_ENGINES)
        target_compile_options(${target} PRIVATE -O1)
        set(headers kw_engine_headers)
    endif()
    if(KW_AT_ONCE)
        if(NOT TARGET ${headers})
            kw_shared_headers(${headers})
        endif()
        target_precompile_headers(${target} REUSE_FROM ${headers})
    endif()
    if(target IN_LIST KW_APART OR (target IN_LIST KW_ENGINES AND NOT KW_SANITIZED))
        set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
    endif()
endfunction()

# A libFuzzer program of `source`, which links `library`. No corpus is written to the source tree: the run reads it and
# adds inputs of its own.
function(kw_fuzzer source library)
    get_filename_component(stem ${source} NAME_WE)
    get_filename_component(folder ${source} DIRECTORY)
    add_executable(${stem} ${source})
    target_link_libraries(${stem} PRIVATE ${library})
    target_compile_options(${stem} PRIVATE -fsanitize=fuzzer)
    target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${stem} COMMAND ${stem} -seed=1 ${KW_FUZZ_LIMITS} -max_len=65536 -timeout=10 -rss_limit_mb=2048
             ${CMAKE_BINARY_DIR}/corpus/${stem} ${folder}/testdata/fuzz/${stem})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus/${stem})
    set_tests_properties(${stem} PROPERTIES TIMEOUT 120 LABELS fuzz)
endfunction()

function(kw_module name)
    cmake_parse_arguments(arg "" "IN" "DEPS;LIBS" ${ARGN})
    if(arg_IN)
        set(parent ${CMAKE_SOURCE_DIR}/src/${arg_IN})
    else()
        set(parent ${CMAKE_SOURCE_DIR}/src)
    endif()
    set(folder ${parent}/${name})
    file(GLOB_RECURSE all CONFIGURE_DEPENDS ${folder}/*.cc)
    get_property(inner GLOBAL PROPERTY KW_MODULE_FOLDERS)
    list(FILTER inner INCLUDE REGEX "^${folder}/")
    foreach(other IN LISTS inner)
        list(FILTER all EXCLUDE REGEX "^${other}/")
    endforeach()
    set_property(GLOBAL APPEND PROPERTY KW_MODULE_FOLDERS ${folder})
    set(tests ${all})
    set(fuzzers ${all})
    set(benches ${all})
    set(sources ${all})
    list(FILTER tests INCLUDE REGEX "_test\\.cc$")
    list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
    list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
    list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|/main)\\.cc$")

    set(deps "")
    foreach(dep IN LISTS arg_DEPS)
        string(REPLACE "/" "_" dep ${dep})
        if(NOT TARGET kw_${dep})
            message(FATAL_ERROR "module ${name}: '${dep}' is not declared above it")
        endif()
        list(APPEND deps kw_${dep})
    endforeach()

    string(REPLACE "/" "_" name ${name})
    if(sources)
        add_library(kw_${name} STATIC ${sources})
        target_include_directories(kw_${name} PUBLIC ${parent})
        target_link_libraries(kw_${name} PUBLIC ${deps} ${arg_LIBS})
        kw_compile(kw_${name} kw_headers)
    else()
        add_library(kw_${name} INTERFACE)
        target_include_directories(kw_${name} INTERFACE ${parent})
        target_link_libraries(kw_${name} INTERFACE ${deps} ${arg_LIBS})
    endif()

    include(${folder}/module.cmake OPTIONAL)

    if(tests AND (KW_ENGINE_TESTS OR name STREQUAL app))
        add_executable(${name}_test ${tests})
        target_link_libraries(${name}_test PRIVATE kw_${name} GTest::gmock GTest::gtest_main)
        target_compile_definitions(${name}_test PRIVATE KW_TESTDATA="${folder}/testdata")
        kw_test_options(${name}_test)
        kw_compile(${name}_test kw_test_headers)
        add_test(NAME ${name}_test COMMAND ${name}_test)
        set_tests_properties(${name}_test PROPERTIES TIMEOUT ${KW_TEST_TIMEOUT} LABELS unit)
    endif()
    if(KW_FUZZ)
        foreach(source IN LISTS fuzzers)
            kw_fuzzer(${source} kw_${name})
        endforeach()
    endif()
    if(KW_BENCH AND benches)
        find_package(benchmark REQUIRED)
        add_executable(${name}_bench ${benches})
        target_link_libraries(${name}_bench PRIVATE kw_${name} benchmark::benchmark_main)
    endif()
endfunction()
