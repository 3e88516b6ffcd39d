// Blocks that older versions wrote must stay readable: testdata/block_v1 is one of version 1, never written
// again, with what it holds as text; testdata/block_v1_histograms is one with native histograms.
// KW_NEW_GOLDEN=DIRECTORY writes one of the present version (with KW_NEW_GOLDEN_HISTOGRAMS set, the second), and from it a
// seed for block_reader_fuzz.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/fs/real.h"
#include "model/native_histogram.h"
#include "tsdb/block_format.h"
#include "tsdb/block_testing.h"

namespace kw::tsdb {
namespace {

using testing::Model;

constexpr std::string_view kGoldenName = "01JD6Z8M000000000000000001";

// A line a series, then a line a sample: time, bits of the value or a histogram, start.
std::string text_of(const Model& model) {
    std::string text;
    for (const auto& [labels, series] : model) {
        text += labels.to_string() + "\n";
        for (const auto& [t, sample] : series) {
            const std::string value = sample.histogram
                                          ? histogram_text(from_stored(*sample.histogram))
                                          : fmt::format("{:016x}", sample.value_bits);
            text += fmt::format("  {} {} {}\n", t, value, sample.start);
        }
    }
    return text;
}

Model golden_histograms() {
    Model model;
    testing::add_histograms(model, 2026, 1'732'200'000'000, 100);
    auto& strange = model[LabelSet{{"__name__", "strange histograms"}}];
    Histogram custom;
    custom.schema = kCustomBucketsSchema;
    custom.counter_reset_hint = CounterResetHint::kGauge;
    custom.count = 1.5;
    custom.sum = -1e300;
    custom.custom_values = {-1, 0.125, 1e9};
    custom.positive_spans = {{1, 1}, {0, 0}, {1, 1}};
    custom.positive_buckets = {0.5, 1};
    Histogram marker;
    marker.sum = kStaleMarker;
    strange[-1] = {0, 0, std::make_shared<const Histogram>(custom)};
    strange[7] = {0, 5, std::make_shared<const Histogram>(marker)};
    return model;
}

Model golden_model() {
    Model model = testing::without_empty(testing::random_model(2026, 2, 12, 1'732'200'000'000, 40));
    auto& strange = model[LabelSet{{"__name__", "strange values"}, {"ünï", "\n\"\\"}}];
    int64_t t = -1;
    for (const uint64_t bits :
         {kStaleBits, uint64_t{0x8000000000000000}, uint64_t{0x7ff0000000000000},
          uint64_t{0xfff8000000abcdef}, uint64_t{0x3fd5555555555555}, uint64_t{1}}) {
        strange[t++] = {bits, 0};
    }
    return model;
}

// The parts of a block of one series page and one chunk page, as block_reader_fuzz takes them.
Bytes fuzz_seed(fs::FileSystem& files, const fs::Path& block, uint64_t series_count) {
    const Bytes index = [&] {
        const std::string text = fs::read_file(files, fs::join(block, kIndexFile), 1 << 20).value();
        return Bytes(text.begin(), text.end());
    }();
    const std::string chunks = fs::read_file(files, fs::join(block, kChunksFile), 1 << 20).value();
    ByteWriter out;
    out.u8(1);
    out.u8(static_cast<uint8_t>(series_count - 1));
    const auto part = [&](ByteView bytes) {
        out.u16(static_cast<uint16_t>(bytes.size()));
        out.append(bytes);
    };
    Bytes scratch;
    part(read_page(index, kFileHeaderBytes, scratch).value());
    part(read_page(as_bytes(chunks), kFileHeaderBytes, scratch).value());
    for (const uint32_t kind : {1u, 2u, 5u, 6u}) {
        const size_t entry =
            index.size() - kFooterBytes - (kSectionCount - kind + 1) * kFooterEntryBytes;
        part(ByteView(index).subspan(load_le<uint64_t>(&index[entry + 8]),
                                     load_le<uint64_t>(&index[entry + 16])));
    }
    return out.take();
}

void expect_readable(std::string_view folder) {
    fs::RealFileSystem files;
    const fs::Path directory = fs::join(KW_TESTDATA, folder);
    const auto block = BlockReader::open(files, directory, std::string(kGoldenName));
    ASSERT_TRUE(block.ok()) << block.error().message;
    const Result<void> verified = (*block)->verify();
    EXPECT_TRUE(verified.ok()) << verified.error().message;
    const Result<std::string> want =
        fs::read_file(files, fs::join(directory, "samples.txt"), 1 << 20);
    ASSERT_TRUE(want.ok()) << want.error().message;
    EXPECT_EQ(text_of(testing::model_of(**block)), *want);
}

TEST(BlockGolden, Version1StaysReadable) { expect_readable("block_v1"); }

TEST(BlockGolden, HistogramsOfVersion1StayReadable) { expect_readable("block_v1_histograms"); }

TEST(BlockGolden, WritesANewOneWhenAsked) {
    const char* directory = std::getenv("KW_NEW_GOLDEN");
    if (directory == nullptr) GTEST_SKIP() << "KW_NEW_GOLDEN is not set";
    fs::RealFileSystem files;
    ASSERT_TRUE(files.create_directories(directory).ok());
    const bool histograms = std::getenv("KW_NEW_GOLDEN_HISTOGRAMS") != nullptr;
    const Model model = histograms ? golden_histograms() : golden_model();
    testing::ModelSource source(model);
    BlockWriteOptions options;
    options.name = kGoldenName;
    const CancelToken cancel;
    const auto meta = write_block(files, directory, source, options, cancel);
    ASSERT_TRUE(meta.ok() && meta->has_value());
    ASSERT_TRUE(
        fs::write_file_atomically(files, fs::join(directory, "samples.txt"), text_of(model)).ok());
    const Bytes seed = fuzz_seed(files, fs::join(directory, kGoldenName), (*meta)->series_count);
    ASSERT_TRUE(
        fs::write_file_atomically(files, fs::join(directory, "fuzz_seed"), as_text(seed)).ok());
}

}  // namespace
}  // namespace kw::tsdb
