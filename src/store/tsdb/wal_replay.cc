#include "tsdb/wal_replay.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/log.h"
#include "base/metrics.h"
#include "tsdb/wal.h"

namespace kw::tsdb {
namespace {

constexpr std::string_view kQuarantine = "quarantine";
// Lines of a report of damage.
constexpr size_t kReportSeriesMax = 1000;

struct LogFile {
    fs::Path path;
    std::unique_ptr<fs::MappedFile> map;
    std::optional<WalHeader> header;  // nullopt: damaged
    uint64_t limit = UINT64_MAX;      // bytes that count

    ByteView bytes() const {
        const ByteView all = map->bytes();
        return all.first(std::min<uint64_t>(limit, all.size()));
    }
};

bool has_records(ByteView file) {
    return file.size() > kWalHeaderBytes &&
           WalFrameReader(file).next() != WalFrameReader::Event::kEnd;
}

// What a damaged range held, as far as it can be read without trusting its checksums.
class DamageReport {
 public:
    DamageReport(const WalReceiver& receiver, std::string head)
        : receiver_(receiver), text_(std::move(head)) {}

    // `bytes` are those of the file from `offset` on.
    void describe(ByteView bytes, uint64_t offset) {
        size_t at = 0;
        while (at + 8 <= bytes.size() && lines_ < kReportSeriesMax) {
            const size_t length = load_le<uint16_t>(bytes.data() + at + 4);
            if (bytes[at + 6] == 1 && length > 0 && at + 7 + length <= bytes.size()) {
                describe_record(bytes.subspan(at + 7, length));
                at += 7 + length;
                if (kWalPageBytes - (offset + at) % kWalPageBytes < 8) at = next_page(at, offset);
            } else {
                at = next_page(at, offset);
            }
        }
    }
    const std::string& text() const { return text_; }

 private:
    static size_t next_page(size_t at, uint64_t offset) {
        return at + kWalPageBytes - (offset + at) % kWalPageBytes;
    }

    void describe_record(ByteView record) {
        if (record.empty()) return;
        if (record[0] == static_cast<uint8_t>(WalRecordKind::kSeries)) {
            const Result<std::vector<DecodedSeries>> series = decode_series(record);
            if (!series.ok()) return;
            for (const DecodedSeries& one : *series) {
                add(fmt::format("series {} {}", one.id, one.labels.to_string()));
            }
        } else if (record[0] == static_cast<uint8_t>(WalRecordKind::kSamples) ||
                   record[0] == static_cast<uint8_t>(WalRecordKind::kMixedSamples)) {
            DecodedSamples samples;  // serials and times stand before the values
            (void)decode_samples(record, samples).ok();
            if (samples.timestamps.empty()) return;
            for (size_t i = 0; i < samples.series.size() && lines_ < kReportSeriesMax; ++i) {
                const size_t t = std::min(i, samples.timestamps.size() - 1);
                add(fmt::format("sample at {} of series {} {}", samples.timestamps[t].count,
                                samples.series[i].id,
                                receiver_.describe_series(samples.series[i].id)));
            }
        } else if (record[0] == static_cast<uint8_t>(WalRecordKind::kExemplars)) {
            DecodedExemplars exemplars;
            (void)decode_exemplars(record, exemplars).ok();
            for (const ExemplarSeries& series : exemplars.series) {
                for (const Exemplar& one : series.exemplars) {
                    if (lines_ == kReportSeriesMax) return;
                    add(fmt::format("exemplar {} at {} of {}", one.labels.to_string(),
                                    one.timestamp.count, series.labels.to_string()));
                }
            }
        }
    }

    void add(const std::string& line) {
        ++lines_;
        text_ += line;
        text_ += '\n';
        if (lines_ == kReportSeriesMax) text_ += "and more\n";
    }

    const WalReceiver& receiver_;
    std::string text_;
    size_t lines_ = 0;
};

class Replay {
 public:
    Replay(Environment& env, const fs::Path& directory, WalReceiver& receiver,
           WalReplayProgress& progress)
        : env_(env), directory_(directory), receiver_(receiver), progress_(progress) {}

    Result<WalReplayResult> run() {
        KW_TRY(env_.files.create_directories(directory_));
        KW_TRY(open_files());
        if (checkpoint_.has_value()) KW_TRY(replay_file(*checkpoint_, false));
        const std::vector<uint64_t> chain = order_segments();
        if (!chain.empty()) {
            progress_.min = chain.front();
            progress_.max = chain.back();
        }
        for (const uint64_t number : chain) {
            progress_.current = number;
            KW_TRY(replay_file(segments_.at(number), number == chain.back()));
        }
        KW_TRY(settle(chain));
        return std::move(result_);
    }

 private:
    Result<void> open_files() {
        KW_TRY_ASSIGN(const auto entries, env_.files.list(directory_));
        std::optional<uint64_t> checkpoint;
        std::vector<uint64_t> segments;
        for (const fs::DirectoryEntry& entry : entries) {
            std::string_view name = entry.name;
            if (name.ends_with(".tmp")) {
                KW_TRY(env_.files.remove_file(fs::join(directory_, name)));
            } else if (const auto kept = wal_checkpoint_number(name)) {
                checkpoint = std::max(checkpoint.value_or(0), *kept);
            } else if (const auto number = wal_segment_number(name)) {
                segments.push_back(*number);
            }
        }
        if (checkpoint.has_value()) {
            KW_TRY_ASSIGN(checkpoint_, open_file(wal_checkpoint_name(*checkpoint)));
            first_ = *checkpoint;
            highest_ = first_ - 1;  // the number that it names may not exist yet
        }
        for (const uint64_t number : segments) {
            highest_ = std::max(highest_, number);
            if (number < first_) continue;
            KW_TRY_ASSIGN(LogFile file, open_file(wal_segment_name(number)));
            segments_.emplace(number, std::move(file));
        }
        return {};
    }

    Result<LogFile> open_file(const std::string& name) {
        LogFile file;
        file.path = fs::join(directory_, name);
        KW_TRY_ASSIGN(file.map, env_.files.map(file.path));
        Result<WalHeader> header = parse_wal_header(file.map->bytes());
        if (header.ok()) {
            file.header = *header;
        } else if (header.error().code == Code::kUnsupported) {
            return std::move(header).error().with_context(file.path);
        }
        return file;
    }

    // The segments that count, oldest first, with how much of each counts.
    std::vector<uint64_t> order_segments() {
        std::vector<uint64_t> chain;
        auto at = segments_.rbegin();
        // A segment whose creation was cut short holds nothing.
        while (at != segments_.rend() && !at->second.header.has_value() &&
               !has_records(at->second.map->bytes())) {
            ++at;
        }
        uint64_t limit = UINT64_MAX;
        while (at != segments_.rend()) {
            const uint64_t number = at->first;
            LogFile& file = at->second;
            file.limit = limit;
            chain.push_back(number);
            ++at;
            limit = UINT64_MAX;
            if (!file.header.has_value()) continue;  // damaged: take whatever is there
            const uint64_t follows = file.header->follows_segment;
            if (follows < first_ || follows == 0) break;
            while (at != segments_.rend() && at->first > follows) ++at;  // void
            if (at == segments_.rend() || at->first != follows) {
                ++result_.damages;
                env_.log.error("a segment of the write-ahead log is missing",
                               {{"segment", wal_segment_name(follows)}});
            } else {
                limit = file.header->follows_bytes;
            }
        }
        std::reverse(chain.begin(), chain.end());
        return chain;
    }

    Result<void> replay_file(const LogFile& file, bool is_last) {
        const ByteView bytes = file.bytes();
        if (!file.header.has_value()) {
            const auto count = std::min<uint64_t>(bytes.size(), kWalHeaderBytes);
            KW_TRY(quarantine(file, 0, count, "header"));
        }
        WalFrameReader reader(bytes);
        while (true) {
            const auto event =
                bytes.size() < kWalHeaderBytes ? WalFrameReader::Event::kEnd : reader.next();
            if (event == WalFrameReader::Event::kRecord) {
                KW_TRY(deliver(file, reader));
            } else if (event == WalFrameReader::Event::kDamage) {
                KW_TRY(quarantine(file, reader.begin(), reader.end(), "checksum"));
            } else {
                break;
            }
        }
        trusted_end_ = std::max(reader.begin(), kWalHeaderBytes);
        if (bytes.size() < kWalHeaderBytes) trusted_end_ = 0;
        const uint64_t torn = reader.end() - reader.begin();
        if (is_last && torn != 0) {
            result_.torn_bytes = torn;
            env_.log.info("torn tail of the write-ahead log cut",
                          {{"file", file.path}, {"bytes", std::to_string(torn)}});
        } else if (torn != 0) {
            KW_TRY(quarantine(file, reader.begin(), reader.end(), "checksum"));
        } else if (!is_last && file.limit != UINT64_MAX && bytes.size() < file.limit) {
            KW_TRY(quarantine(file, bytes.size(), bytes.size(), "bytes are missing at the end"));
        }
        return {};
    }

    Result<void> deliver(const LogFile& file, const WalFrameReader& reader) {
        const auto apply = [&]() -> Result<void> {
            KW_TRY_ASSIGN(const WalRecordKind kind, wal_record_kind(reader.record()));
            switch (kind) {
                case WalRecordKind::kSeries: {
                    KW_TRY_ASSIGN(auto series, decode_series(reader.record()));
                    for (DecodedSeries& one : series) KW_TRY(receiver_.on_series(one));
                    return {};
                }
                case WalRecordKind::kSamples:
                case WalRecordKind::kMixedSamples: {
                    KW_TRY(decode_samples(reader.record(), samples_));
                    KW_TRY_ASSIGN(const uint64_t unknown, receiver_.on_samples(samples_));
                    result_.rows_unknown += unknown;
                    return {};
                }
                case WalRecordKind::kExemplars:
                    KW_TRY(decode_exemplars(reader.record(), exemplars_));
                    receiver_.on_exemplars(exemplars_);
                    return {};
            }
            return {};
        };
        ++result_.records;
        Result<void> applied = apply();
        if (applied.ok()) return {};
        if (applied.error().code == Code::kCorrupt) {
            return quarantine(file, reader.begin(), reader.end(), applied.error().message);
        }
        return std::move(applied).with_context(file.path);
    }

    Result<void> quarantine(const LogFile& file, uint64_t begin, uint64_t end,
                            std::string_view why) {
        ++result_.damages;
        const std::string name = file.path.substr(file.path.rfind('/') + 1);
        const fs::Path folder = fs::join(directory_, kQuarantine);
        const fs::Path side = fs::join(folder, fmt::format("{}-{}", name, begin));
        env_.log.error("damage in the write-ahead log", {{"file", file.path},
                                                         {"begin", std::to_string(begin)},
                                                         {"end", std::to_string(end)},
                                                         {"why", why},
                                                         {"report", side + ".txt"}});
        const ByteView bytes = file.bytes().subspan(begin, end - begin);
        DamageReport report(receiver_,
                            fmt::format("{} bytes {} to {}: {}\n", file.path, begin, end, why));
        report.describe(bytes, begin);
        KW_TRY(env_.files.create_directories(folder));
        KW_TRY(fs::write_file_atomically(env_.files, side + ".bin", as_text(bytes)));
        return fs::write_file_atomically(env_.files, side + ".txt", report.text());
    }

    // Makes what was read durable, forgets files that do not count, and says where to go on.
    Result<void> settle(const std::vector<uint64_t>& chain) {
        if (!chain.empty()) {
            const LogFile& last = segments_.at(chain.back());
            KW_TRY_ASSIGN(const auto file, env_.files.open(last.path, fs::OpenMode::kAppend));
            KW_TRY(file->sync());
            result_.next.follows_segment = chain.back();
            result_.next.follows_bytes = trusted_end_;
        }
        result_.next.number = highest_ + 1;
        for (const auto& [number, file] : segments_) {
            if (std::binary_search(chain.begin(), chain.end(), number)) continue;
            KW_TRY(env_.files.remove_file(file.path));
        }
        return env_.files.sync_directory(directory_);
    }

    Environment& env_;
    const fs::Path directory_;
    WalReceiver& receiver_;
    WalReplayProgress& progress_;
    std::optional<LogFile> checkpoint_;
    std::map<uint64_t, LogFile> segments_;
    uint64_t first_ = 0;        // segments before it are not needed
    uint64_t highest_ = 0;      // number that was ever used
    uint64_t trusted_end_ = 0;  // of the file replayed last
    DecodedSamples samples_;
    DecodedExemplars exemplars_;
    WalReplayResult result_;
};

}  // namespace

Result<WalReplayResult> replay_wal(Environment& env, const fs::Path& directory,
                                   WalReceiver& receiver, WalReplayProgress& progress) {
    return Replay(env, directory, receiver, progress).run();
}

}  // namespace kw::tsdb
