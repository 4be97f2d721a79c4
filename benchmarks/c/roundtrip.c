/* roundtrip HOST PORT FUNCTION WORKLOAD COUNT: submits COUNT background jobs to a job server, one
 * after the other on one connection, each once the one before is acknowledged. Prints the seconds
 * that took. The least that an acknowledged submit can cost on this machine.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 12, SUBMIT_JOB_BG = 18, JOB_CREATED = 8, LARGEST = 4096 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static size_t make_packet(unsigned char *packet, const char *function, const char *workload)
{
    size_t function_size = strlen(function), workload_size = strlen(workload);
    size_t size = function_size + 2 + workload_size;
    uint32_t type = htonl(SUBMIT_JOB_BG), length = htonl((uint32_t)size);
    if (HEADER + size > LARGEST) {
        fputs("the workload is too long for this program\n", stderr);
        exit(2);
    }
    memcpy(packet, "\0REQ", 4);
    memcpy(packet + 4, &type, 4);
    memcpy(packet + 8, &length, 4);
    memcpy(packet + HEADER, function, function_size + 1);
    packet[HEADER + function_size + 1] = '\0';
    memcpy(packet + HEADER + function_size + 2, workload, workload_size);
    return HEADER + size;
}

static void await_created(int fd)
{
    unsigned char answer[LARGEST];
    size_t have = 0, need = HEADER;
    while (have < need) {
        ssize_t got = recv(fd, answer + have, sizeof answer - have, 0);
        if (got <= 0)
            fail("recv");
        have += (size_t)got;
        if (have >= HEADER) {
            uint32_t length;
            memcpy(&length, answer + 8, 4);
            need = HEADER + ntohl(length);
            if (answer[7] != JOB_CREATED || need > sizeof answer) {
                fputs("the job server did not acknowledge the job\n", stderr);
                exit(1);
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    unsigned char packet[LARGEST];
    struct timespec start, end;
    int fd, on = 1;

    if (argc != 6)
        return fputs("usage: roundtrip HOST PORT FUNCTION WORKLOAD COUNT\n", stderr), 2;
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
        return fputs("HOST must be an IPv4 address\n", stderr), 2;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    size_t size = make_packet(packet, argv[3], argv[4]);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long left = atol(argv[5]); left > 0; left--) {
        if (send(fd, packet, size, 0) != (ssize_t)size)
            fail("send");
        await_created(fd);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.9f\n", (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
    close(fd);
    return 0;
}
