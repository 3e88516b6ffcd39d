// A connection, and with TLS what its certificates say.
#include "collect/family_set.h"
#include "collect/probe/probe.h"

namespace kw::collect {
namespace {

void add_tls(const TlsState& state, FamilySet& families) {
    families.add("probe_ssl_earliest_cert_expiry", "gauge",
                 "When the first of the certificates expires", {}, state.earliest_expiry_seconds);
    if (state.verified_expiry_seconds) {
        families.add("probe_ssl_last_chain_expiry_timestamp_seconds", "gauge",
                     "When the chain that was verified expires", {},
                     *state.verified_expiry_seconds);
    }
    families.add("probe_ssl_last_chain_info", "gauge", "1 for what the certificate says",
                 {{"fingerprint_sha256", state.fingerprint_sha256},
                  {"subject", state.subject},
                  {"issuer", state.issuer},
                  {"subjectalternative", state.names},
                  {"serialnumber", state.serial_number}},
                 1);
    families.add("probe_tls_version_info", "gauge", "1 for the version of TLS",
                 {{"version", state.version}}, 1);
    families.add("probe_tls_cipher_info", "gauge", "1 for the cipher", {{"cipher", state.cipher}},
                 1);
}

}  // namespace

Result<void> run_probe(const TcpProbe& probe, const Deadline& deadline, FamilySet& families) {
    KW_TRY_ASSIGN(const std::unique_ptr<Stream> stream, Stream::connect(probe.where, deadline));
    families.add("probe_dns_lookup_time_seconds", "gauge", "How long the name was looked up", {},
                 stream->resolve_seconds());
    families.add("probe_ip_protocol", "gauge", "Version of IP: 4 or 6", {}, stream->ip_protocol());
    if (!probe.tls) return {};
    KW_TRY_ASSIGN(const TlsState state, stream->start_tls(*probe.tls, probe.where.host, deadline));
    add_tls(state, families);
    return {};
}

}  // namespace kw::collect
