/* The thread behind a queue of posts: one connection, pipelined writes, answers counted by their order. */
#ifndef GMAN_SENDER_H
#define GMAN_SENDER_H

/* The thread's main function; the argument is its struct queue. Ends when the queue is to stop.
 *
 * At-least-once: a chunk is kept until all its packets are answered, and what is unanswered when a connection fails
 * is sent again on the next one. Nothing is taken from the queue before a job server has answered an echo. */
void *sender_main(void *queue);

#endif
