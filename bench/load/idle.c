// Connections that mostly wait: opened many at a time by a dialogue, held, lost all at once, and opened again.
//
// usage: idle PORT COUNT SECONDS PIDS DIALOGUE [AGAIN TRIGGER MISSED]
//   AGAIN is the dialogue with which all come back after MISSED requests of TRIGGER were answered; "$POSITION" in it
//   becomes the position that the first connection was told; each then waits for MISSED messages (one '^' each).
// Connections leave from 127.0.0.1, .2 …, 20,000 from each.
#include "wire.h"

#define HEARD_MAX 2048
#define PER_ADDRESS 20000
struct connection { int fd; int step; int have; int marks; char *heard; };
static struct connection *all;
static int port, count, epoll, opened, wanted_marks, done;
static char *steps[16], position[64];
static int step_count;

static void read_dialogue(const char *path) {
    size_t bytes;
    char *text = slurp(path, &bytes), *body = strstr(text, "\r\n\r\n");
    if (!body) die("dialogue without an upgrade");
    body += 4;
    step_count = 0;
    steps[step_count++] = strndup(text, body - text);
    steps[step_count++] = strdup("\r\n\r\n");
    for (char *line = strtok(body, "\n"); line; line = strtok(NULL, "\n")) steps[step_count++] = strdup(line);
}

static void say(struct connection *c) {
    static char filled[8192], whole[8192];
    static unsigned char frame[8200];
    const char *text = steps[c->step];
    if (c->step == 0) { put(c->fd, text, strlen(text)); c->step++; return; }
    with_id(filled, sizeof filled, text, c - all);
    char *mark = strstr(filled, "$POSITION");
    if (mark) snprintf(whole, sizeof whole, "%.*s%s%s", (int)(mark - filled), filled, position, mark + 9);
    put(c->fd, frame, text_frame(frame, mark ? whole : filled));
    c->step++;
}

static void dial_from(int number) {
    struct connection *c = &all[number];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PER_ADDRESS)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    c->step = c->have = c->marks = 0;
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(c->fd, (void *)&from, sizeof from)) die("bind");
    if (connect(c->fd, (void *)&to, sizeof to) && errno != EINPROGRESS) die("connect");
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT, .data.u32 = number};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void finished(struct connection *c) {
    if (c->step < step_count || c->marks < wanted_marks) return;
    free(c->heard);
    c->heard = NULL;
    done++;
}

static void heard(struct connection *c) {
    if (!c->heard) c->heard = malloc(HEARD_MAX);
    if (c->have >= HEARD_MAX - 1) { memmove(c->heard, c->heard + HEARD_MAX / 2, c->have - HEARD_MAX / 2); c->have -= HEARD_MAX / 2; }
    ssize_t got = read(c->fd, c->heard + c->have, HEARD_MAX - 1 - c->have);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) { fprintf(stderr, "load: connection %d was closed after %.*s\n", (int)(c - all), c->have, c->heard); exit(2); }
    for (ssize_t i = c->have; i < c->have + got; i++) {
        if (c->heard[i] == '^') c->marks++;
        if (!c->heard[i]) c->heard[i] = '0';
    }
    c->have += got;
    c->heard[c->have] = 0;
    while (c->step % 2 && c->step < step_count) {
        char *at = strstr(c->heard, steps[c->step]);
        if (!at && strcmp(steps[c->step], "-")) return;
        c->step++;
        if (c->step < step_count) { say(c); continue; }
        char *told = strstr(c->heard, "\"position\":\"");
        if (c == all && told) snprintf(position, sizeof position, "%.*s", (int)strcspn(told + 12, "\""), told + 12);
    }
    finished(c);
}

// Have all of them said what there is to say, `most` at a time.
static double open_all(int most) {
    struct epoll_event events[512];
    double started = now();
    done = opened = 0;
    while (done < count) {
        while (opened < count && opened - done < most) dial_from(opened++);
        int ready = epoll_wait(epoll, events, 512, 1000);
        if (now() - started > 300) { fprintf(stderr, "load: %d of %d after 300 s\n", done, count); exit(3); }
        for (int i = 0; i < ready; i++) {
            struct connection *c = &all[events[i].data.u32];
            if (events[i].events & (EPOLLERR | EPOLLHUP) && c->step == 0) die("refused");
            if (c->step == 0) say(c);
            else if (events[i].events & EPOLLIN) heard(c);
            struct epoll_event again = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = events[i].data.u32};
            epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &again);
        }
    }
    return now() - started;
}

static double resident_kb(const char *pids) {
    char path[64], line[256];
    double kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", atoi(pids));
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) if (!strncmp(line, "VmRSS:", 6)) kb = atof(line + 6);
    if (file) fclose(file);
    return kb;
}

static void lose_all(void) {
    struct linger at_once = {1, 0};
    for (int i = 0; i < count; i++) {
        setsockopt(all[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(all[i].fd);
    }
}

int main(int argc, char **args) {
    if (argc != 6 && argc != 9) die("usage: idle PORT COUNT SECONDS PIDS DIALOGUE [AGAIN TRIGGER MISSED]");
    port = atoi(args[1]); count = atoi(args[2]); epoll = epoll_create1(0);
    all = calloc(count, sizeof *all);
    read_dialogue(args[5]);
    double before = resident_kb(args[4]), opening = open_all(256);
    sleep(2);
    double kb = (resident_kb(args[4]) - before) / count, cpu = cpu_seconds(args[4]), held = now();
    sleep(atoi(args[3]));
    double cores = (cpu_seconds(args[4]) - cpu) / (now() - held), storm = 0, storm_cpu = 0;
    if (argc == 9) {
        size_t bytes;
        char *request = slurp(args[7], &bytes);
        lose_all();
        sleep(2);
        int poster = dial(port);
        wanted_marks = atoi(args[8]);
        for (int i = 0; i < wanted_marks; i++) { put(poster, request, bytes); await_text(poster, "\r\n\r\n"); await_text(poster, "}}}"); }
        read_dialogue(args[6]);
        storm_cpu = cpu_seconds(args[4]);
        storm = open_all(count);
        storm_cpu = cpu_seconds(args[4]) - storm_cpu;
    }
    printf("{\"kb\":%.2f,\"opening_s\":%.1f,\"cores\":%.4f,\"storm_s\":%.2f,\"storm_cpu_s\":%.2f}\n", kb, opening, cores, storm, storm_cpu);
    return 0;
}
