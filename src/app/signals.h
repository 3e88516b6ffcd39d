// Signals as a queue that the main thread reads: SIGTERM and SIGINT stop, SIGHUP reloads. Made before any other
// thread, which then inherit the blocked mask; SIGPIPE is ignored, since a peer that goes is an ordinary error.
#pragma once

namespace kw::app {

enum class SignalEvent : unsigned char { kStop, kReload };

class Signals final {
 public:
    Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // Waits for the next one. The main thread only.
    SignalEvent wait() const;
    // As if SIGTERM had come. From any thread.
    void request_stop() const;
};

}  // namespace kw::app
