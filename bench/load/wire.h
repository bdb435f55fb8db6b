// What both load clients share: sockets, masked WebSocket text frames, handshakes read from files, CPU time of a process tree.
//
// A dialogue file holds the upgrade request, an empty line, then pairs of lines: a text frame to send, and the text to
// wait for ("-" waits for nothing). "$ID" in a frame becomes an id of 36 characters that is the connection's own.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s (errno %d)\n", what, errno);
    exit(2);
}

static void put(int fd, const void *bytes, size_t count) {
    while (count) {
        ssize_t written = write(fd, bytes, count);
        if (written <= 0) die("write");
        bytes = (const char *)bytes + written;
        count -= written;
    }
}

// On-CPU seconds of every thread of the comma-separated pids, from schedstat (nanoseconds).
static inline double cpu_seconds(const char *pids) {
    double total = 0;
    char list[512];
    snprintf(list, sizeof list, "%s", pids);
    for (char *pid = strtok(list, ","); pid; pid = strtok(NULL, ",")) {
        char path[1024];
        snprintf(path, sizeof path, "/proc/%s/task", pid);
        DIR *tasks = opendir(path);
        struct dirent *task;
        if (!tasks) continue;
        while ((task = readdir(tasks))) {
            if (task->d_name[0] == '.') continue;
            snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, task->d_name);
            FILE *file = fopen(path, "r");
            double nanoseconds;
            if (!file) continue;
            if (fscanf(file, "%lf", &nanoseconds) == 1) total += nanoseconds * 1e-9;
            fclose(file);
        }
        closedir(tasks);
    }
    return total;
}

static int dial(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct timeval patience = {10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (void *)&address, sizeof address)) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static inline void await_text(int fd, const char *text) {
    static char heard[16384];
    size_t count = 0;
    while (count < sizeof heard - 1) {
        ssize_t got = read(fd, heard + count, 1);
        if (got <= 0) { fprintf(stderr, "load: waited for %s, heard %.*s\n", text, (int)count, heard); exit(2); }
        count += got;
        heard[count] = 0;
        if (strstr(heard, text)) return;
    }
    die("handshake too long");
}

// A masked text frame (mask zero) in `out`; returns its length.
static inline size_t text_frame(unsigned char *out, const char *text) {
    size_t count = strlen(text), head = 2;
    out[0] = 0x81;
    if (count < 126) out[1] = 0x80 | count;
    else { out[1] = 0x80 | 126; out[2] = count >> 8; out[3] = count & 255; head = 4; }
    memset(out + head, 0, 4);
    memcpy(out + head + 4, text, count);
    return head + 4 + count;
}

static inline char *slurp(const char *path, size_t *count) {
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    char *text = malloc(1 << 16);
    *count = fread(text, 1, (1 << 16) - 1, file);
    text[*count] = 0;
    fclose(file);
    return text;
}

static inline void with_id(char *out, size_t room, const char *frame, int number) {
    const char *mark = strstr(frame, "$ID");
    if (!mark) snprintf(out, room, "%s", frame);
    else snprintf(out, room, "%.*s%08d-0000-4000-8000-000000000000%s", (int)(mark - frame), frame, number, mark + 3);
}

// Open one subscriber as the dialogue says; the socket comes back non-blocking.
static inline int subscriber(int port, const char *dialogue, int number) {
    static char line[8192], filled[8192];
    static unsigned char frame[8200];
    int fd = dial(port);
    const char *cursor = strstr(dialogue, "\r\n\r\n");
    if (!cursor) die("dialogue without an upgrade");
    cursor += 4;
    put(fd, dialogue, cursor - dialogue);
    await_text(fd, "\r\n\r\n");
    for (int sends = 1; *cursor; sends = !sends) {
        size_t count = strcspn(cursor, "\n");
        snprintf(line, sizeof line, "%.*s", (int)count, cursor);
        cursor += count + (cursor[count] == '\n');
        if (sends) { with_id(filled, sizeof filled, line, number); put(fd, frame, text_frame(frame, filled)); }
        else if (strcmp(line, "-")) await_text(fd, line);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static inline int by_size(const void *a, const void *b) {
    double x = *(double *)a, y = *(double *)b;
    return x < y ? -1 : x > y;
}
