#include "net/router.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace kw::net {

// A tree of segments. Children are tried literal first, then parameter; the catch-all of the
// deepest node that has one takes what nothing else did.
struct Router::Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::map<std::string, const Route*, std::less<>> routes;  // method -> route that ends here
    std::map<std::string, const Route*, std::less<>>
        catch_all;  // and that takes the rest from here
};

namespace {

// The segments of "/a/b/" are "a", "b", "".
std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> segments;
    path.remove_prefix(1);
    for (;;) {
        const size_t slash = path.find('/');
        segments.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return segments;
        path.remove_prefix(slash + 1);
    }
}

using Methods = std::map<std::string, const Router::Route*, std::less<>>;

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler,
                 RouteOptions options) {
    KW_CHECK(pattern.starts_with('/'));
    if (options.name.empty()) options.name = std::string(pattern);
    routes_.push_back(std::make_unique<Route>(
        Route{std::string(method), std::string(pattern), std::move(handler), std::move(options)}));
    const Route* route = routes_.back().get();

    Node* node = root_.get();
    for (const std::string_view segment : split(route->pattern)) {
        if (segment.starts_with('*')) {
            KW_CHECK(node->catch_all.emplace(route->method, route).second);
            return;
        }
        std::unique_ptr<Node>& child =
            segment.starts_with(':') ? node->parameter : node->literals[std::string(segment)];
        if (!child) child = std::make_unique<Node>();
        node = child.get();
    }
    KW_CHECK(node->routes.emplace(route->method, route).second);
}

namespace {

// Depth-first, most specific first. Returns the methods of the first node that takes the whole
// path. The tree is as deep as the longest pattern, so the recursion is bounded by what was added.
template <typename Node>
const Methods* find(const Node& node, const std::vector<std::string_view>& segments, size_t at) {
    if (at == segments.size()) {
        return node.routes.empty() ? nullptr : &node.routes;
    }
    if (const auto it = node.literals.find(segments[at]); it != node.literals.end()) {
        if (const Methods* found = find(*it->second, segments, at + 1)) return found;
    }
    if (node.parameter && !segments[at].empty()) {
        if (const Methods* found = find(*node.parameter, segments, at + 1)) return found;
    }
    return node.catch_all.empty() ? nullptr : &node.catch_all;
}

// What the pattern's placeholders stand for. False when an escape is bad.
bool capture(std::string_view pattern, std::string_view path, Params& into) {
    const std::vector<std::string_view> wanted = split(pattern);
    const std::vector<std::string_view> given = split(path);
    for (size_t i = 0; i < wanted.size(); ++i) {
        std::string_view raw;
        if (wanted[i].starts_with('*')) {
            raw = path.substr(static_cast<size_t>(given[i].data() - path.data()));
        } else if (wanted[i].starts_with(':')) {
            raw = given[i];
        } else {
            continue;
        }
        Result<std::string> value = percent_decode(raw, false);
        if (!value.ok()) return false;
        into.add(std::string(wanted[i].substr(1)), std::move(value).value());
    }
    return true;
}

// A base URL that ends with a slash, before a path that begins with one, is a common slip of clients.
std::string with_single_slashes(std::string_view path) {
    std::string out;
    for (const char c : path) {
        if (c != '/' || !out.ends_with('/')) out += c;
    }
    return out;
}

}  // namespace

Router::Match Router::match(std::string_view method, std::string_view raw_path) const {
    Match match;
    if (!raw_path.starts_with('/')) return match;
    const Methods* methods = find(*root_, split(raw_path), 0);
    if (!methods) {
        const std::string collapsed = with_single_slashes(raw_path);
        return collapsed == raw_path ? match : this->match(method, collapsed);
    }

    auto it = methods->find(method);
    if (it == methods->end() && method == "HEAD") it = methods->find("GET");
    if (it != methods->end()) {
        if (capture(it->second->pattern, raw_path, match.path_params)) match.route = it->second;
        return match;
    }
    for (const auto& [allowed, route] : *methods) match.allowed.push_back(allowed);
    if (methods->contains("GET") && !methods->contains("HEAD")) match.allowed.emplace_back("HEAD");
    if (!methods->contains("OPTIONS")) match.allowed.emplace_back("OPTIONS");
    std::ranges::sort(match.allowed);
    return match;
}

}  // namespace kw::net
