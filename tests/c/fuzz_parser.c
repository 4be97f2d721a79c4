/* libFuzzer: the packet reader gives the same packets however its input is split, and never reads past it. */
#include "parser.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 4096, PACKETS = 512 };

struct outcome {
    unsigned packets;
    bool refused;
    uint64_t sum; /* over types and contents */
};

static void drain(struct parser *parser, struct outcome *outcome)
{
    struct packet packet;
    struct bytes argument;
    int found;
    while ((found = parser_next(parser, &packet)) > 0) {
        outcome->packets++;
        outcome->sum = outcome->sum * 31 + (uint64_t)packet.type;
        for (size_t i = 0; i < packet.length; i++)
            outcome->sum = outcome->sum * 31 + (unsigned char)packet.data[i];
        for (unsigned i = 0; i < 4; i++)
            if (packet_argument(&packet, i, &argument) == 0 &&
                (argument.data < packet.data || argument.data + argument.length > packet.data + packet.length))
                abort();
        if (packet.type == PACKET_ERROR) {
            char text[50];
            packet_error_text(&packet, text, sizeof text);
        }
    }
    outcome->refused |= found < 0;
}

static struct outcome run(const uint8_t *data, size_t size, size_t step)
{
    struct parser parser;
    struct outcome outcome = {0};
    parser_init(&parser, LIMIT);
    for (size_t at = 0; at < size; at += step) {
        size_t length = size - at < step ? size - at : step;
        char *piece = malloc(length); /* its own block, so that reading past it is seen */
        memcpy(piece, data + at, length);
        parser_feed(&parser, piece, length);
        free(piece);
        drain(&parser, &outcome);
    }
    if (parser.input.capacity > 2 * size + 65536)
        abort();
    parser_free(&parser);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole = run(data, size, size > 0 ? size : 1);
    const size_t steps[] = {1, 7, 13};
    for (int i = 0; i < 3; i++) {
        struct outcome split = run(data, size, steps[i]);
        if (split.packets != whole.packets || split.refused != whole.refused || split.sum != whole.sum)
            abort();
    }
    return 0;
}
