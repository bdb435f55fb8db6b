// The physical limits, without any parsing. Of fan-out: on any inbound frame, write() the same framed 200 bytes to every
// socket. Of HTTP: on any POST, write() the same 360 bytes back.
// usage: limit PORT; ends when a subscriber leaves.
#include "wire.h"

#define CONNECTIONS_MAX 4096
static int conns[CONNECTIONS_MAX], connected;
static char upgraded[65536], frame[204], answer[512];

static void cast(void) {
    for (int i = 0; i < connected; i++)
        if (write(conns[i], frame, sizeof frame) != sizeof frame) die("short write");
}

int main(int count, char **args) {
    if (count != 2) die("usage: limit PORT");
    memset(frame, 'x', sizeof frame);
    frame[0] = (char)0x81; frame[1] = 126; frame[2] = 0; frame[3] = (char)200; frame[104] = '^';
    int answer_bytes = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 280\r\n\r\n%0280d", 0);
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, epoll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(args[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1024)) die("bind");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            char bytes[4096];
            if (fd == listener) {
                fd = accept(listener, 0, 0);
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                fcntl(fd, F_SETFL, O_NONBLOCK);
                event.data.fd = fd;
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
                upgraded[fd] = 0;
                continue;
            }
            ssize_t got = read(fd, bytes, sizeof bytes);
            if (got <= 0) { if (upgraded[fd]) return 0; close(fd); continue; }
            if (bytes[0] == 'P') put(fd, answer, answer_bytes);
            else if (!upgraded[fd]) {
                put(fd, "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 59);
                upgraded[fd] = 1;
                conns[connected++] = fd;
            } else {
                for (ssize_t at = 0; at + 8 <= got; at += 8) cast();  // the frame "go" is 8 bytes
            }
        }
    }
}
