/* What gman_status shows. */
#ifndef GMAN_STATUS_H
#define GMAN_STATUS_H

#include "buffer.h"
#include "library.h"

/* Appends one JSON object; out->failed says if memory ran out. Thread-safe. */
void status_write(struct library *library, struct buffer *out);

#endif
