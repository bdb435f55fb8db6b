// Fan-out: N subscribers on one epoll loop. One event at a time, then `window` of them in flight.
// Every delivered message carries exactly one '^'; they are counted per connection.
// usage: fanout PORT N ROUNDS WINDOW PIDS DIALOGUE TRIGGER
//   TRIGGER "ws:TEXT" sends a frame on the first subscriber; else it is a file with one whole HTTP request.
#include "wire.h"

static int subscribers, window, epoll, *fds, *posters, by_http;
static unsigned *counts;
static long seen, answered;
static char *request, buffer[1 << 16];
static size_t request_bytes;
static unsigned char trigger_frame[512];
static size_t trigger_bytes;

static void watch(int fd, unsigned id) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void trigger(int number) {
    if (by_http) put(posters[number % window], request, request_bytes);
    else put(fds[0], trigger_frame, trigger_bytes);
}

static void heard(unsigned id) {
    int poster = id >= (unsigned)subscribers;
    ssize_t got = read(poster ? posters[id - subscribers] : fds[id], buffer, sizeof buffer);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) die("the server closed a connection");
    if (poster) {  // one read may hold several answers; a head is never in two, its body may come after it
        int refused = got > 12 && !memcmp(buffer, "HTTP/1.1 ", 9) && memcmp(buffer + 9, "200", 3);
        if (refused || memmem(buffer, got, "\"errors\"", 8)) { fprintf(stderr, "load: %.*s\n", (int)got, buffer); exit(2); }
        for (char *at = buffer; (at = memmem(at, buffer + got - at, "HTTP/1.1 200", 12)); at++) answered++;
        return;
    }
    for (char *mark = buffer; (mark = memchr(mark, '^', buffer + got - mark)); mark++) { counts[id]++; seen++; }
}

// Busy-polls: the load's core never sleeps, so that the server pays no wake-ups.
static void pump(long deliveries, long answers) {
    struct epoll_event events[256];
    double started = now();
    while (seen < deliveries || (by_http && answered < answers)) {
        int ready = epoll_wait(epoll, events, 256, 0);
        if (now() - started > 30) { fprintf(stderr, "load: %ld of %ld deliveries after 30 s\n", seen, deliveries); exit(3); }
        for (int i = 0; i < ready; i++) heard(events[i].data.u32);
    }
}

int main(int count, char **args) {
    if (count != 8) die("usage: fanout PORT N ROUNDS WINDOW PIDS DIALOGUE TRIGGER");
    int port = atoi(args[1]), rounds = atoi(args[3]), warm = 30;
    size_t bytes;
    char *dialogue = slurp(args[6], &bytes);
    subscribers = atoi(args[2]); window = atoi(args[4]); epoll = epoll_create1(0);
    fds = calloc(subscribers, sizeof(int)); counts = calloc(subscribers, sizeof(unsigned)); posters = calloc(window, sizeof(int));
    by_http = strncmp(args[7], "ws:", 3) != 0;
    if (by_http) request = slurp(args[7], &request_bytes);
    else trigger_bytes = text_frame(trigger_frame, args[7] + 3);
    for (int i = 0; i < subscribers; i++) watch(fds[i] = subscriber(port, dialogue, i), i);
    for (int i = 0; by_http && i < window; i++) { fcntl(posters[i] = dial(port), F_SETFL, O_NONBLOCK); watch(posters[i], subscribers + i); }
    usleep(500000);
    long done = 0;
    double *latencies = calloc(rounds, sizeof(double));
    for (int i = 0; i < warm; i++) { trigger(done); done++; pump(done * subscribers, done); }
    double cpu0 = cpu_seconds(args[5]), t0 = now();
    for (int i = 0; i < rounds; i++) {
        double t = now();
        trigger(done); done++;
        pump(done * subscribers, done);
        latencies[i] = now() - t;
    }
    double cpu1 = cpu_seconds(args[5]), t1 = now();
    long sent = done, end = done + rounds;
    while (sent < end && sent < done + window) { trigger(sent); sent++; }
    while (done < end) { done++; pump(done * subscribers, done); if (sent < end) { trigger(sent); sent++; } }
    double cpu2 = cpu_seconds(args[5]), t2 = now(), deliveries = (double)subscribers * rounds;
    int wrong = 0;
    for (int i = 0; i < subscribers; i++) wrong += counts[i] != (unsigned)(2 * rounds + warm);
    qsort(latencies, rounds, sizeof(double), by_size);
    printf("{\"wrong\":%d,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"single_cpu_us\":%.3f,\"single_per_s\":%.0f,\"window_cpu_us\":%.3f,\"window_per_s\":%.0f}\n",
        wrong, latencies[rounds / 2] * 1e3, latencies[rounds * 99 / 100] * 1e3, (cpu1 - cpu0) / deliveries * 1e6,
        deliveries / (t1 - t0), (cpu2 - cpu1) / deliveries * 1e6, deliveries / (t2 - t1));
    return 0;
}
