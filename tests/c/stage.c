#include "stage.h"

#include <dirent.h>

void stage_open(struct library *library, const int *ports, int count)
{
    char text[400] = "";
    struct bytes none = {"", 0};
    assert_int_equal(library_open(library, NULL, false), 0);
    library->settings.connect_timeout_ms = 500;
    library->settings.ack_timeout_ms = 200;
    library->settings.result_timeout_ms = 400;
    library->settings.retry_after_ms = 60;
    for (int i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s127.0.0.1:%d", i > 0 ? "," : "", ports[i]);
    struct bytes list = {text, strlen(text)};
    assert_null(route_set(library, &none, &list));
}

struct job stage_job(enum packet_type type, const char *function, const char *workload)
{
    return (struct job){type, {function, strlen(function)}, {"", 0}, {workload, strlen(workload)}};
}

bool stage_background(struct library *library, const char *function)
{
    char handle[PACKET_HANDLE_MAX];
    struct job job = stage_job(PACKET_SUBMIT_JOB_BG, function, "w");
    return client_background(library, &job, handle) > 0;
}

int stage_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

enum server_state stage_state(struct library *library, unsigned i)
{
    struct server_list list;
    route_servers(&library->fallback, &list);
    pthread_mutex_lock(&list.servers[i]->lock);
    enum server_state state = list.servers[i]->state;
    pthread_mutex_unlock(&list.servers[i]->lock);
    return state;
}

static bool works(void *library)
{
    return stage_background(library, "recovered");
}

bool stage_recovers(struct library *library)
{
    return wait_for(works, library);
}
