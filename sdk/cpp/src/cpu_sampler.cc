#include "cpu_sampler.h"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "sample_ring.h"
#include "scope_chain.h"
#include "stack_sample.h"
#include "thread_mark.h"

extern "C" void* __libc_stack_end;  // NOLINT: glibc's own, where the main thread's stack ends

namespace kilowatch::sampler {
namespace {

constexpr int kSignal = SIGPROF;
constexpr uintptr_t kMainStackMax = 64 << 20;  // where its limit is larger or none
constexpr int kResolveAttemptsMax = 10;

struct Slot {
    std::atomic<pid_t> tid{0};  // 0: free
    timer_t timer{};
    bool has_timer = false;
    std::unique_ptr<SampleRing> ring;
    // Bounds of the stack: [low, high). Zero until resolved; `asked` is a stack pointer that the
    // handler met without.
    std::atomic<uintptr_t> low{0};
    std::atomic<uintptr_t> high{0};
    std::atomic<uintptr_t> asked{0};
    std::atomic<uintptr_t> thread_self{0};
    int resolve_attempts = 0;
};

struct Sampler {
    std::mutex mutex;  // of everything but what the handler reads
    bool running = false;
    Options options{};
    // Read by the handler:
    std::atomic<Slot*> slots{nullptr};
    std::atomic<uint32_t> slot_count{0};
    std::atomic<bool> active{false};
    std::atomic<bool> registered_only{false};
    std::atomic<uint64_t> lost{0};
};

constinit Sampler sampler;

// --- in the handler: no allocation, no lock, no call of a library but the system call gettid

struct Registers {
    uintptr_t pc;
    uintptr_t fp;
    uintptr_t sp;
};

Registers registers_of(const void* context) {
    const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    return {static_cast<uintptr_t>(machine.gregs[REG_RIP]),
            static_cast<uintptr_t>(machine.gregs[REG_RBP]),
            static_cast<uintptr_t>(machine.gregs[REG_RSP])};
#elif defined(__aarch64__)
    return {machine.pc, machine.regs[29], machine.sp};
#else
#error "the profiler knows the registers of x86-64 and aarch64"
#endif
}

// A frame begins with the caller's frame pointer and the return address, on both processors. Only
// memory of [sp, high) is read, and each frame lies above the one before, so that the walk ends.
__attribute__((no_sanitize("address", "thread", "undefined"))) int walk(const Registers& at,
                                                                        uintptr_t high,
                                                                        const ProfileScope* scope,
                                                                        uint64_t* frames) {
    int count = 0;
    uintptr_t pc = at.pc;
    uintptr_t fp = at.fp;
    uintptr_t floor = at.sp;
    while (count < kFramesMax) {
        frames[count++] = pc;
        const bool sound = fp >= floor && fp % sizeof(uintptr_t) == 0 &&
                           high > 2 * sizeof(uintptr_t) && fp <= high - 2 * sizeof(uintptr_t);
        // A scope is the caller of what runs within the frame that has it.
        while (scope && count + 1 < kFramesMax && (!sound || ScopeChain::frame(*scope) <= fp)) {
            frames[count++] = reinterpret_cast<uintptr_t>(ScopeChain::name(*scope)) | kScopeBit;
            frames[count++] = ScopeChain::owner(*scope) | kOwnerBit;
            scope = ScopeChain::outer(*scope);
        }
        if (!sound) break;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a frame pointer is a number until it is checked
        const auto* frame = reinterpret_cast<const uintptr_t*>(fp);
        floor = fp + 2 * sizeof(uintptr_t);
        fp = frame[0];
        pc = frame[1];
        if (pc < 4096 || (pc & (kScopeBit | kOwnerBit)) != 0) break;
    }
    return count;
}

// The end of the stack that `sp` lies in, 0 where it is not known.
uintptr_t stack_end(Slot& slot, uintptr_t sp) {
    if (thread_mark.stack_high != 0)
        return sp >= thread_mark.stack_low && sp < thread_mark.stack_high ? thread_mark.stack_high
                                                                          : 0;
    const uintptr_t high = slot.high.load(std::memory_order_acquire);
    if (high != 0) return sp >= slot.low.load(std::memory_order_relaxed) && sp < high ? high : 0;
    slot.thread_self.store(static_cast<uintptr_t>(pthread_self()), std::memory_order_relaxed);
    slot.asked.store(sp, std::memory_order_release);
    return 0;
}

void on_timer(int, siginfo_t* info, void* context) {
    if (!sampler.active.load(std::memory_order_acquire) || info->si_code != SI_TIMER) return;
    const int saved_errno = errno;
    Slot* const slots = sampler.slots.load(std::memory_order_acquire);
    auto* const slot = static_cast<Slot*>(info->si_value.sival_ptr);
    const bool ours = slot >= slots && slot < slots + sampler.slot_count.load();
    if (ours && slot->tid.load(std::memory_order_acquire) == syscall(SYS_gettid) &&
        !(sampler.registered_only.load() && thread_mark.stack_high == 0)) {
        uint64_t record[kSampleHead + kFramesMax];
        record[0] = 1 + static_cast<uint64_t>(info->si_overrun > 0 ? info->si_overrun : 0);
        record[1] = thread_mark.trace_id[0];
        record[2] = thread_mark.trace_id[1];
        const Registers at = registers_of(context);
        const int frames =
            walk(at, stack_end(*slot, at.sp), thread_mark.scope, record + kSampleHead);
        if (!slot->ring->write({record, static_cast<size_t>(kSampleHead + frames)}))
            sampler.lost.fetch_add(1, std::memory_order_relaxed);
    }
    errno = saved_errno;
}

// --- outside of it

// A child has neither timers nor the profiler's thread; the lock is taken across the fork, so that
// a thread of the child that registers itself does not wait for one that exists in the parent only.
void watch_forks() {
    static const int watched =
        pthread_atfork([] { sampler.mutex.lock(); }, [] { sampler.mutex.unlock(); },
                       [] {
                           sampler.active = false;
                           sampler.running = false;
                           sampler.mutex.unlock();
                       });
    static_cast<void>(watched);
}

// Empty: the handler is ours.
std::string install_handler() {
    struct sigaction now{};
    if (sigaction(kSignal, nullptr, &now) != 0) return std::strerror(errno);
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_timer) return {};
    if ((now.sa_flags & SA_SIGINFO) || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN))
        return "SIGPROF has a handler already: another profiler?";
    struct sigaction ours{};
    ours.sa_sigaction = on_timer;
    ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&ours.sa_mask);
    return sigaction(kSignal, &ours, nullptr) == 0 ? std::string() : std::strerror(errno);
}

// As the kernel builds it: MAKE_THREAD_CPUCLOCK(tid, CPUCLOCK_SCHED) of posix-timers.h.
clockid_t cpu_clock_of(pid_t tid) {
    constexpr clockid_t kPerThread = 4;
    constexpr clockid_t kSched = 2;
    return static_cast<clockid_t>((~static_cast<unsigned>(tid) << 3) |
                                  static_cast<unsigned>(kPerThread | kSched));
}

bool start_timer(Slot& slot, pid_t tid, uint32_t hertz) {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = kSignal;
    event.sigev_value.sival_ptr = &slot;
    event._sigev_un._tid = tid;
    if (timer_create(cpu_clock_of(tid), &event, &slot.timer) != 0) return false;
    slot.has_timer = true;
    itimerspec period{};
    period.it_interval.tv_sec = hertz == 1 ? 1 : 0;
    period.it_interval.tv_nsec = hertz == 1 ? 0 : 1'000'000'000L / hertz;
    period.it_value = period.it_interval;
    if (timer_settime(slot.timer, 0, &period, nullptr) == 0) return true;
    timer_delete(slot.timer);
    slot.has_timer = false;
    return false;
}

void stop_timer(Slot& slot) {
    if (std::exchange(slot.has_timer, false)) timer_delete(slot.timer);
}

// A timer whose thread has ended has nothing left to count, even where the id lives on in a new
// thread.
bool timer_is_dead(const Slot& slot) {
    itimerspec left{};
    return timer_gettime(slot.timer, &left) != 0 ||
           (left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
}

void reset_bounds(Slot& slot) {
    slot.low = 0;
    slot.high = 0;
    slot.asked = 0;
    slot.resolve_attempts = 0;
}

// True: the thread has a slot and a timer. Called with the mutex held.
bool give_slot(pid_t tid) {
    Slot* const slots = sampler.slots.load(std::memory_order_relaxed);
    Slot* free = nullptr;
    for (uint32_t i = 0; i < sampler.slot_count.load(); ++i) {
        const pid_t owner = slots[i].tid.load(std::memory_order_relaxed);
        if (owner == tid) return true;
        if (owner == 0 && !free) free = &slots[i];
    }
    if (!free) return false;
    if (!free->ring) free->ring = std::make_unique<SampleRing>();
    reset_bounds(*free);
    free->tid.store(tid, std::memory_order_release);
    if (start_timer(*free, tid, sampler.options.hertz)) return true;
    free->tid = 0;
    return errno == ESRCH || errno == EINVAL;  // it has just ended
}

std::set<pid_t> threads_of_process() {
    std::set<pid_t> out;
    DIR* const folder = opendir("/proc/self/task");
    if (!folder) return out;
    while (const dirent* entry = readdir(folder)) {  // NOLINT(concurrency-mt-unsafe): own stream
        const char* const name = entry->d_name;
        pid_t tid = 0;
        std::from_chars(name, name + std::strlen(name), tid);
        if (tid > 0) out.insert(tid);
    }
    closedir(folder);
    return out;
}

// Finds the stacks that handlers have asked for in the process's mappings. A thread's own data
// lies at the top of its stack's mapping, which tells it from a fiber's.
void resolve_stacks() {
    struct Wanted {
        Slot* slot;
        uintptr_t sp;
    };
    std::vector<Wanted> wanted;
    Slot* const slots = sampler.slots.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < sampler.slot_count.load(); ++i) {
        Slot& slot = slots[i];
        const uintptr_t sp = slot.asked.exchange(0, std::memory_order_acquire);
        if (sp == 0 || slot.tid.load() == 0 || slot.high.load() != 0 ||
            slot.resolve_attempts >= kResolveAttemptsMax)
            continue;
        ++slot.resolve_attempts;
        wanted.push_back({&slot, sp});
    }
    if (wanted.empty()) return;
    std::FILE* const maps = std::fopen("/proc/self/maps", "re");
    if (!maps) return;
    char line[512];
    while (std::fgets(line, sizeof line, maps)) {
        char* rest = nullptr;
        const uintptr_t begin = std::strtoull(line, &rest, 16);
        const uintptr_t end = *rest == '-' ? std::strtoull(rest + 1, nullptr, 16) : 0;
        for (const Wanted& one : wanted) {
            if (one.sp < begin || one.sp >= end) continue;
            Slot& slot = *one.slot;
            const uintptr_t self = slot.thread_self.load(std::memory_order_relaxed);
            uintptr_t low = begin;
            uintptr_t high = 0;
            if (slot.tid.load() == getpid()) {
                const auto stack_end = reinterpret_cast<uintptr_t>(__libc_stack_end);
                rlimit limit{};
                const bool bounded =
                    getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < kMainStackMax;
                low = stack_end - (bounded ? limit.rlim_cur : kMainStackMax);
                if (stack_end > begin && stack_end <= end) high = stack_end;
            } else if (self > one.sp && self < end) {
                high = self;
            }
            slot.low.store(low, std::memory_order_relaxed);
            slot.high.store(high, std::memory_order_release);
        }
    }
    std::fclose(maps);
}

}  // namespace

std::string start(const Options& options) {
    watch_forks();
    const std::lock_guard lock(sampler.mutex);
    if (sampler.running) return "a profiler runs in this process already";
    if (std::string wrong = install_handler(); !wrong.empty()) return wrong;
    if (sampler.slot_count.load() < options.threads_max) {
        // The old table stays, lest a late signal reads what is gone.
        sampler.slots.store(new Slot[options.threads_max], std::memory_order_release);
        sampler.slot_count = options.threads_max;
    }
    sampler.options = options;
    sampler.registered_only = !options.all_threads;
    sampler.lost = 0;
    sampler.running = true;
    sampler.active = true;
    return {};
}

void stop() {
    const std::lock_guard lock(sampler.mutex);
    if (!sampler.running) return;
    sampler.active = false;
    sampler.running = false;
    Slot* const slots = sampler.slots.load();
    for (uint32_t i = 0; i < sampler.slot_count.load(); ++i) {
        stop_timer(slots[i]);
        slots[i].tid = 0;
    }
}

uint64_t look_for_threads() {
    const std::lock_guard lock(sampler.mutex);
    if (!sampler.running) return 0;
    const std::set<pid_t> alive = threads_of_process();
    Slot* const slots = sampler.slots.load();
    for (uint32_t i = 0; i < sampler.slot_count.load(); ++i) {
        Slot& slot = slots[i];
        const pid_t tid = slot.tid.load();
        if (tid == 0 || (alive.contains(tid) && !timer_is_dead(slot))) continue;
        stop_timer(slot);
        slot.tid = 0;
    }
    uint64_t without = 0;
    for (const pid_t tid : alive) without += give_slot(tid) ? 0 : 1;
    resolve_stacks();
    return without;
}

void drain(const std::function<void(std::span<const uint64_t>)>& take) {
    const std::lock_guard lock(sampler.mutex);
    Slot* const slots = sampler.slots.load();
    for (uint32_t i = 0; i < sampler.slot_count.load(); ++i)
        if (slots[i].ring) slots[i].ring->read(take);
}

uint64_t take_lost() { return sampler.lost.exchange(0); }

void register_this_thread() {
    if (thread_mark.stack_high != 0) return;
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
    void* low = nullptr;
    size_t size = 0;
    if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
        thread_mark.stack_low = reinterpret_cast<uintptr_t>(low);
        std::atomic_signal_fence(std::memory_order_release);
        thread_mark.stack_high = reinterpret_cast<uintptr_t>(low) + size;
    }
    pthread_attr_destroy(&attributes);
    if (!sampler.active.load()) return;
    const std::lock_guard lock(sampler.mutex);
    if (sampler.running) give_slot(static_cast<pid_t>(syscall(SYS_gettid)));
}

}  // namespace kilowatch::sampler
