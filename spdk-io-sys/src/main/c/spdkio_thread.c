/*
 * SPDK threads. Those that somebody inside SPDK creates (a target makes one a core) wait in a list until Java takes and
 * polls them; SPDK's own initialisation never ends otherwise. What belongs to a thread here is in its context.
 */
#include "spdkio_bridge.h"

static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool g_initialised;
static struct spdk_thread *g_first;
static struct spdk_thread *g_last;
static int32_t g_untaken;

static struct spdkio_thread_context *
context_of(struct spdk_thread *thread)
{
	return spdk_thread_get_ctx(thread);
}

/* On the OS thread that creates the SPDK thread. */
static int
on_operation(struct spdk_thread *thread, enum spdk_thread_op operation)
{
	if (operation == SPDK_THREAD_OP_NEW && !spdkio_turn.creating) {
		pthread_mutex_lock(&g_mutex);
		if (g_first == NULL) {
			g_first = thread;
		} else {
			context_of(g_last)->next = thread;
		}
		g_last = thread;
		__atomic_store_n(&g_untaken, g_untaken + 1, __ATOMIC_RELEASE);
		pthread_mutex_unlock(&g_mutex);
	}
	/* RESCHED: who polls a thread does not change with its CPU mask. */
	return 0;
}

static bool
is_supported(enum spdk_thread_op operation)
{
	return operation == SPDK_THREAD_OP_NEW || operation == SPDK_THREAD_OP_RESCHED;
}

/* message_pool_size: 0 for SPDK's own default. */
SPDKIO_EXPORT int
spdkio_threads_init(uint64_t message_pool_size)
{
	int rc;

	if (g_initialised) {
		return -EALREADY;
	}
	rc = spdk_thread_lib_init_ext(on_operation, is_supported, sizeof(struct spdkio_thread_context),
				      message_pool_size == 0 ? SPDK_DEFAULT_MSG_MEMPOOL_SIZE : message_pool_size);
	g_initialised = rc == 0;
	return rc;
}

/* All threads have been destroyed. */
SPDKIO_EXPORT void
spdkio_threads_fini(void)
{
	if (g_initialised) {
		g_initialised = false;
		g_first = g_last = NULL;
		g_untaken = 0;
		spdk_thread_lib_fini();
	}
}

/* A thread that is not put into the list. cpumask may be NULL. */
SPDKIO_EXPORT struct spdk_thread *
spdkio_thread_create(const char *name, const struct spdk_cpuset *cpumask)
{
	struct spdk_thread *thread;

	spdkio_turn.creating = true;
	thread = spdk_thread_create(name, cpumask);
	spdkio_turn.creating = false;
	return thread;
}

/* SPDK declares it for itself, and every release exports it. */
struct spdk_io_channel *spdk_thread_get_first_io_channel(struct spdk_thread *thread);

/* Whether a thread has channels. On that thread. */
SPDKIO_EXPORT int32_t
spdkio_thread_has_channels(struct spdk_thread *thread)
{
	return spdk_thread_get_first_io_channel(thread) != NULL;
}

/* The oldest thread in the list, or NULL. The caller polls it from now on, and destroys it when it has exited. */
SPDKIO_EXPORT struct spdk_thread *
spdkio_threads_take(void)
{
	struct spdk_thread *thread;

	pthread_mutex_lock(&g_mutex);
	thread = g_first;
	if (thread != NULL) {
		g_first = context_of(thread)->next;
		context_of(thread)->next = NULL;
		__atomic_store_n(&g_untaken, g_untaken - 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&g_mutex);
	return thread;
}

/* Where the length of the list is, so that a poll loop need not call here to see that it is empty. */
SPDKIO_EXPORT const int32_t *
spdkio_threads_untaken(void)
{
	return &g_untaken;
}

/* A thread's context; NULL when somebody else initialised the thread library. */
struct spdkio_thread_context *
spdkio_thread_context(struct spdk_thread *thread)
{
	return g_initialised && thread != NULL ? context_of(thread) : NULL;
}
