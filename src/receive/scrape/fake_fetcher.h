// A Fetcher for this module's tests: answers at once from a table, or holds fetches until it is
// told to answer.
// Threads: one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/http_client.h"

namespace kw::scrape {

class FakeFetcher final : public net::Fetcher {
 public:
    FetchId fetch(net::FetchRequest request, net::FetchCallback callback) override {
        requests.push_back(request);
        const FetchId id = ++last_id_;
        if (holds) {
            held_.emplace(id, std::pair(std::move(request), std::move(callback)));
        } else {
            callback(answer_for(request));
        }
        return id;
    }
    void cancel(FetchId id) override {
        const auto it = held_.find(id);
        if (it == held_.end()) return;
        const net::FetchCallback callback = std::move(it->second.second);
        held_.erase(it);
        callback(cancelled("cancelled"));
    }

    // Answers what is held.
    void release() {
        auto held = std::exchange(held_, {});
        for (auto& [id, entry] : held) entry.second(answer_for(entry.first));
    }
    size_t held_count() const { return held_.size(); }

    void set(const std::string& url, std::string body,
             std::string type = "text/plain; version=0.0.4", int status = 200) {
        net::FetchResponse response;
        response.status = status;
        response.headers.set("Content-Type", type);
        response.body = std::move(body);
        answers.insert_or_assign(url, Result<net::FetchResponse>(std::move(response)));
    }
    void set_error(const std::string& url, Error error) {
        answers.insert_or_assign(url, Result<net::FetchResponse>(std::move(error)));
    }

    bool holds = false;
    std::vector<net::FetchRequest> requests;
    std::map<std::string, Result<net::FetchResponse>> answers;

 private:
    Result<net::FetchResponse> answer_for(const net::FetchRequest& request) const {
        const auto it = answers.find(request.url);
        if (it == answers.end())
            return unavailable("connect to {}: Connection refused", request.url);
        if (it->second.ok() && it->second->body.size() > request.body_bytes_max) {
            return exhausted("longer than {} bytes", request.body_bytes_max);
        }
        return it->second;
    }

    FetchId last_id_ = 0;
    std::map<FetchId, std::pair<net::FetchRequest, net::FetchCallback>> held_;
};

}  // namespace kw::scrape
