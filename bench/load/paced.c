// Requests at a steady rate, whatever the server does, and how long each takes until its subscribers have it.
//
// usage: paced PORT RATE SECONDS PIDS REQUEST SUBSCRIBERS DIALOGUE STALLED
//   In the request "########" becomes the request's number; a delivered message has it after a '^'. STALLED more
//   subscribers never read.
#include "wire.h"

#define POSTERS 64
#define SUBSCRIBER 1000000
#define TAIL 12
static struct { int fd; char tail[TAIL]; int kept; } *heard;
static double *sent;
static float *latencies;
static long delivered, answered, wanted;
static char *request, buffer[1 << 18];
static size_t request_bytes;

static int by_latency(const void *a, const void *b) {
    float x = *(float *)a, y = *(float *)b;
    return x < y ? -1 : x > y;
}

static void listen_to(int epoll, int fd, unsigned id) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

// A number may be cut in two by a read: what follows a '^' at the end waits for the next one.
static void deliveries(int i, double t) {
    memcpy(buffer, heard[i].tail, heard[i].kept);
    ssize_t got = read(heard[i].fd, buffer + heard[i].kept, sizeof buffer - TAIL);
    if (got <= 0) { if (got < 0 && errno == EAGAIN) return; die("the server closed a subscriber"); }
    char *end = buffer + heard[i].kept + got;
    heard[i].kept = 0;
    for (char *mark = buffer; (mark = memchr(mark, '^', end - mark)); mark++) {
        if (end - mark < 9) { heard[i].kept = end - mark; memcpy(heard[i].tail, mark, heard[i].kept); break; }
        char digits[9] = {0};
        memcpy(digits, mark + 1, 8);
        latencies[delivered++] = (t - sent[atol(digits)]) * 1e3;
    }
}

static double resident_mb(const char *pids) {
    char path[64], line[256];
    double kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", atoi(pids));
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) if (!strncmp(line, "VmRSS:", 6)) kb = atof(line + 6);
    if (file) fclose(file);
    return kb / 1024;
}

int main(int count, char **args) {
    if (count != 9) die("usage: paced PORT RATE SECONDS PIDS REQUEST SUBSCRIBERS DIALOGUE STALLED");
    int port = atoi(args[1]), subscribers = atoi(args[6]), stalled = atoi(args[8]), epoll = epoll_create1(0);
    double rate = atof(args[2]);
    long total = rate * (atof(args[3]) + 1), warm = rate;
    size_t bytes;
    request = slurp(args[5], &request_bytes);
    char *place = strstr(request, "########"), *dialogue = slurp(args[7], &bytes);
    if (!place) die("a request without a place for its number");
    heard = calloc(subscribers, sizeof *heard); sent = calloc(total, sizeof *sent);
    latencies = malloc(sizeof(float) * total * subscribers);
    for (int i = 0; i < subscribers; i++) listen_to(epoll, heard[i].fd = subscriber(port, dialogue, i), SUBSCRIBER + i);
    for (int i = 0; i < stalled; i++) {
        int small = 4096, fd = subscriber(port, dialogue, subscribers + i);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    int posters[POSTERS];
    for (int i = 0; i < POSTERS; i++) { fcntl(posters[i] = dial(port), F_SETFL, O_NONBLOCK); listen_to(epoll, posters[i], i); }
    usleep(500000);
    double started = now(), cpu = 0, resident = 0;
    long asked = 0, kept_from = 0;
    wanted = total * subscribers;
    while (delivered < wanted) {
        double t = now();
        if (t - started > total / rate + 20) { fprintf(stderr, "load: %ld of %ld deliveries\n", delivered, wanted); exit(3); }
        for (; asked < total && t - started >= asked / rate; asked++) {
            if (asked == warm) { cpu = cpu_seconds(args[4]); resident = resident_mb(args[4]); kept_from = delivered; }
            char digits[16];
            snprintf(digits, sizeof digits, "%08ld", asked);
            memcpy(place, digits, 8);
            sent[asked] = now();
            put(posters[asked % POSTERS], request, request_bytes);
        }
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, 0);
        for (int i = 0; i < ready; i++) {
            unsigned id = events[i].data.u32;
            if (id >= SUBSCRIBER) { deliveries(id - SUBSCRIBER, now()); continue; }
            ssize_t got = read(posters[id], buffer, sizeof buffer);
            if (got == 0) die("the server closed a poster");
            if (got > 0 && memmem(buffer, got, "\"errors\"", 8)) { fprintf(stderr, "load: %.*s\n", (int)got, buffer); exit(2); }
            if (got > 0) answered++;
        }
    }
    double spent = cpu_seconds(args[4]) - cpu, seconds = now() - started - warm / rate;
    long kept = delivered - kept_from;
    qsort(latencies + kept_from, kept, sizeof(float), by_latency);
    printf("{\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"cores\":%.3f,\"grown_mb\":%.2f}\n", latencies[kept_from + kept / 2],
        latencies[kept_from + kept * 99 / 100], spent / seconds, resident_mb(args[4]) - resident);
    return 0;
}
