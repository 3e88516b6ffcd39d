# kw_module(NAME [IN stage] [DEPS modules…] [LIBS targets…])
#
# A module is the folder src/[stage/]NAME. All its *.cc make the library kw_NAME, except
#   *_test.cc   one GoogleTest program NAME_test, run by CTest as NAME_test
#   *_fuzz.cc   one libFuzzer program each, with KW_FUZZ; CTest runs it over testdata/fuzz/<stem>/
#   *_bench.cc  one Google Benchmark program NAME_bench, with KW_BENCH
#   main.cc     left out: the program that owns it lists it
# A module with more to say (generated sources) has a module.cmake in its folder.
# DEPS may name only modules declared above, so a cycle cannot be written down.
# kw_precompile(TARGET LEAST sources… [WITH headers…]): what nearly every file includes, compiled once, where the
# target has at least LEAST sources: below that making the header costs more than it saves. Off in the editor's
# and the daily build (KW_PCH), so that a missing include shows.
function(kw_precompile target least)
    cmake_parse_arguments(arg "" "" "WITH" ${ARGN})
    list(LENGTH arg_UNPARSED_ARGUMENTS count)
    if(KW_PCH AND NOT count LESS least)
        target_precompile_headers(${target} PRIVATE <algorithm> <array> <atomic> <charconv> <chrono> <cmath>
                                  <condition_variable> <functional> <map> <memory> <mutex> <optional> <set> <span>
                                  <string> <string_view> <thread> <utility> <variant> <vector> <fmt/core.h> ${arg_WITH})
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
        if(NOT TARGET kw_${dep})
            message(FATAL_ERROR "module ${name}: '${dep}' is not declared above it")
        endif()
        list(APPEND deps kw_${dep})
    endforeach()

    if(sources)
        add_library(kw_${name} STATIC ${sources})
        target_include_directories(kw_${name} PUBLIC ${parent})
        target_link_libraries(kw_${name} PUBLIC ${deps} ${arg_LIBS})
        kw_precompile(kw_${name} 8 ${sources})
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
        # What is tested has all checks; the tests' own code goes without the ones that take a third of its compile time.
        target_compile_options(${name}_test PRIVATE $<$<BOOL:${KW_ASAN}>:-fno-sanitize=undefined>)
        kw_precompile(${name}_test 3 ${tests} WITH <gtest/gtest.h> <gmock/gmock.h>)
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
