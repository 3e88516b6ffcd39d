# The built UI, web/dist, becomes a source of this module. Without it (no ./kw build yet) the table is empty
# and the server shows a page that says so. CONFIGURE_DEPENDS notices a UI that is built later.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(kw_web_dist ${CMAKE_SOURCE_DIR}/web/dist)
file(GLOB_RECURSE kw_web_files CONFIGURE_DEPENDS ${kw_web_dist}/*)
set(kw_web_table ${CMAKE_BINARY_DIR}/generated/web_assets.cc)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
# Changes with the list of files, which DEPENDS alone does not notice when a file goes or is an old one.
string(JOIN "\n" kw_web_list ${kw_web_files})
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/web_files.txt CONTENT "${kw_web_list}\n" @ONLY)
add_custom_command(
    OUTPUT ${kw_web_table}
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/embed.py ${kw_web_dist} ${kw_web_table}
    COMMAND ${CMAKE_COMMAND} -E touch ${kw_web_table}
    DEPENDS ${CMAKE_CURRENT_LIST_DIR}/embed.py ${CMAKE_BINARY_DIR}/generated/web_files.txt ${kw_web_files}
    COMMENT "Embed the web UI"
    VERBATIM)
target_sources(kw_web PRIVATE ${kw_web_table})
