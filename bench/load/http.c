// HTTP load: keep-alive connections on one epoll loop, one request outstanding on each; beside them, passive subscribers
// whose deliveries (one '^' each) are counted.
// usage: http PORT CONNECTIONS SECONDS PIDS REQUEST [SUBSCRIBERS DIALOGUE]
// In the request, "########" becomes a number that grows with every request, and "@@@@" the same number modulo 1,000;
// "????????" becomes a random number below LOAD_BELOW, from the environment. SECONDS below 0 are so many requests.
#include "wire.h"

#define LATENCIES_MAX 4000000
#define SUBSCRIBER 1000000
#define ANSWER_MAX (4 << 20)
struct connection { int fd; double asked; int have; char bytes[ANSWER_MAX]; };
static struct connection *connections;
static float *latencies;
static long done, refused, delivered;
static char *request, buffer[1 << 16];
static size_t request_bytes;
static int server_port, epoll;
static unsigned long sent;

static struct place { char *at; int digits; char mark; } places[64];
static int place_count;

static void find_places(const char *mark) {
    int digits = strlen(mark);
    for (char *at = request; place_count < 64 && (at = strstr(at, mark)); at += digits)
        places[place_count++] = (struct place){at, digits, *mark};
}

static unsigned long below = 1, chance = 88172645463325252UL;

static unsigned long drawn(void) {
    chance ^= chance << 13; chance ^= chance >> 7; chance ^= chance << 17;
    return chance % below;
}

static void ask(struct connection *c) {
    char digits[16];
    for (int i = 0; i < place_count; i++) {
        unsigned long number = places[i].mark == '?' ? drawn() : places[i].mark == '@' ? sent % 1000 : sent;
        snprintf(digits, sizeof digits, "%0*lu", places[i].digits, number);
        memcpy(places[i].at, digits, places[i].digits);
    }
    sent++;
    c->have = 0;
    c->asked = now();
    put(c->fd, request, request_bytes);
}

static void dial_again(struct connection *c) {
    if (c->fd) close(c->fd);
    fcntl(c->fd = dial(server_port), F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = c - connections};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static int by_latency(const void *a, const void *b) {
    float x = *(float *)a, y = *(float *)b;
    return x < y ? -1 : x > y;
}

static void deliveries(int fd) {
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0) die("the server closed a subscriber");
    for (char *mark = buffer; got > 0 && (mark = memchr(mark, '^', buffer + got - mark)); mark++) delivered++;
}

static void answer(struct connection *c) {
    ssize_t got = read(c->fd, c->bytes + c->have, sizeof c->bytes - 1 - c->have);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) die("the server closed a connection");
    c->have += got;
    c->bytes[c->have] = 0;
    char *head = strstr(c->bytes, "\r\n\r\n");
    if (!head) return;
    char *length = strcasestr(c->bytes, "content-length:");
    if (!length || length > head) { fprintf(stderr, "load: no content-length: %.300s\n", c->bytes); exit(3); }
    if (c->have < (head - c->bytes) + 4 + atoi(length + 15)) return;
    if (strncmp(c->bytes + 9, "200", 3) || strstr(head, "\"errors\"")) {
        if (!refused++) fprintf(stderr, "load: first refusal: %.600s\n", c->bytes);
    }
    double t = now();
    if (done < LATENCIES_MAX) latencies[done] = (t - c->asked) * 1e6;
    done++;
    char *closing = strcasestr(c->bytes, "connection: close");
    if (!strncmp(c->bytes, "HTTP/1.0", 8) || (closing && closing < head)) dial_again(c);
    ask(c);
}

int main(int count, char **args) {
    if (count != 6 && count != 8) die("usage: http PORT CONNECTIONS SECONDS PIDS REQUEST [SUBSCRIBERS DIALOGUE]");
    int port = atoi(args[1]), n = atoi(args[2]), subscribers = count > 6 ? atoi(args[6]) : 0;
    server_port = port;
    epoll = epoll_create1(0);
    double seconds = atof(args[3]), cpu0 = 0, t0 = 0;
    size_t bytes;
    request = slurp(args[5], &request_bytes);
    find_places("########");
    find_places("@@@@");
    find_places("????????");
    if (getenv("LOAD_BELOW")) below = strtoul(getenv("LOAD_BELOW"), NULL, 10);
    connections = calloc(n, sizeof *connections);
    latencies = malloc(sizeof(float) * LATENCIES_MAX);
    int *fds = calloc(subscribers + 1, sizeof(int));
    char *dialogue = subscribers ? slurp(args[7], &bytes) : NULL;
    for (int i = 0; i < subscribers; i++) {
        fds[i] = subscriber(port, dialogue, i);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = SUBSCRIBER + i};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
    }
    for (int i = 0; i < n; i++) dial_again(&connections[i]);
    double started = now();
    long delivered0 = 0;
    int warm = 0;
    for (int i = 0; i < n; i++) ask(&connections[i]);
    for (;;) {
        struct epoll_event events[128];
        int ready = epoll_wait(epoll, events, 128, seconds < 0 ? 50 : 0);  // a count is for filling: no need to spin
        double t = now();
        if (!warm && (seconds < 0 || t - started > 1.0)) { warm = 1; done = 0; delivered0 = delivered; cpu0 = cpu_seconds(args[4]); t0 = now(); }
        if (warm && (seconds < 0 ? done >= -seconds : t - t0 > seconds)) break;
        for (int i = 0; i < ready; i++) {
            unsigned id = events[i].data.u32;
            if (id >= SUBSCRIBER) deliveries(fds[id - SUBSCRIBER]);
            else answer(&connections[id]);
        }
    }
    double t1 = now(), cpu1 = cpu_seconds(args[4]);
    if (!done) die("no answer");
    long kept = done < LATENCIES_MAX ? done : LATENCIES_MAX;
    qsort(latencies, kept, sizeof(float), by_latency);
    printf("{\"per_s\":%.2f,\"cpu_us\":%.2f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"refused\":%ld,\"deliveries_per_s\":%.0f}\n", done / (t1 - t0),
        (cpu1 - cpu0) / done * 1e6, latencies[kept / 2], latencies[kept * 99 / 100], refused, (delivered - delivered0) / (t1 - t0));
    return 0;
}
