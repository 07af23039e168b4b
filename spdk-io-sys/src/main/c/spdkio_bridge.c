/* Versions, signals and the log. */
#define _GNU_SOURCE /* fopencookie */
#include "spdkio_bridge.h"

_Thread_local struct spdkio_turn spdkio_turn;
bool spdkio_sigbus_is_chained;

/* DPDK's own function; its headers are not always installed. */
extern const char *rte_version(void) __attribute__((weak));

/* Tells a library that belongs to another spdk-io from one that does not. */
SPDKIO_EXPORT const char *
spdkio_bridge_hash(void)
{
	return SPDKIO_BRIDGE_HASH;
}

SPDKIO_EXPORT const char *
spdkio_spdk_version(void)
{
	return SPDK_VERSION_STRING;
}

SPDKIO_EXPORT const char *
spdkio_dpdk_version(void)
{
	return rte_version == NULL ? "" : rte_version();
}

/* What the library was linked from: the lines of link.properties. */
SPDKIO_EXPORT const char *
spdkio_link_info(void)
{
	return SPDKIO_LINK_INFO;
}

/* ---- SIGBUS
 *
 * SPDK takes SIGBUS to survive the removal of a PCI device whose registers it reads; the JVM needs it for mapped files.
 * The JVM's handler is put back after loading. On request SPDK's comes first for faults inside a poll: once for an
 * address, since it returns without a word when the fault is not its own, and the instruction then faults again.
 */
static struct sigaction g_jvm_action;
static struct sigaction g_spdk_action;

static void
call_action(const struct sigaction *action, int number, siginfo_t *info, void *context)
{
	if ((action->sa_flags & SA_SIGINFO) != 0) {
		action->sa_sigaction(number, info, context);
	} else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
		action->sa_handler(number);
	} else {
		signal(number, SIG_DFL);
	}
}

static void
on_sigbus(int number, siginfo_t *info, void *context)
{
	if (spdkio_turn.polling && spdkio_turn.fault != info->si_addr) {
		spdkio_turn.fault = info->si_addr;
		call_action(&g_spdk_action, number, info, context);
	} else {
		call_action(&g_jvm_action, number, info, context);
	}
}

/* spdk_action: the struct sigaction that loading the library had put in place of the JVM's. */
SPDKIO_EXPORT int
spdkio_chain_sigbus(const struct sigaction *spdk_action)
{
	struct sigaction chained;

	if (sigaction(SIGBUS, NULL, &chained) != 0) {
		return -errno;
	}
	if ((chained.sa_flags & SA_SIGINFO) != 0 && chained.sa_sigaction == on_sigbus) {
		return 0;
	}
	g_jvm_action = chained;
	g_spdk_action = *spdk_action;
	chained.sa_sigaction = on_sigbus;
	chained.sa_flags |= SA_SIGINFO;
	if (sigaction(SIGBUS, &chained, NULL) != 0) {
		return -errno;
	}
	spdkio_sigbus_is_chained = true;
	return 0;
}

/* ---- the log
 *
 * SPDK logs from any thread, also from ones that no Java thread ever was; nothing may call Java from there. Lines are
 * kept here until Java takes them; when there is no room they are counted.
 */
#define LOG_LINES 512
#define LOG_BYTES 1000

struct spdkio_log_line {
	int32_t level;
	int32_t line;
	char file[64];
	char function[64];
	char text[LOG_BYTES];
};

static pthread_mutex_t g_log_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct spdkio_log_line g_log[LOG_LINES];
static uint32_t g_log_head;
static uint32_t g_log_tail;
static uint64_t g_log_dropped;

static void
keep_log_line(int level, const char *file, const int line, const char *function, const char *format, va_list arguments)
{
	struct spdkio_log_line *kept;

	pthread_mutex_lock(&g_log_mutex);
	if (g_log_tail - g_log_head == LOG_LINES) {
		g_log_dropped++;
	} else {
		kept = &g_log[g_log_tail++ % LOG_LINES];
		kept->level = level;
		kept->line = line;
		snprintf(kept->file, sizeof(kept->file), "%s", file == NULL ? "" : file);
		snprintf(kept->function, sizeof(kept->function), "%s", function == NULL ? "" : function);
		vsnprintf(kept->text, sizeof(kept->text), format, arguments);
	}
	pthread_mutex_unlock(&g_log_mutex);
}

/* Of DPDK's log; weak, as an SPDK may stand on something else. */
int rte_openlog_stream(FILE *stream) __attribute__((weak));
int rte_log_cur_msg_loglevel(void) __attribute__((weak));

static int
level_of_dpdk(int level)
{
	static const int levels[] = { SPDK_LOG_ERROR, SPDK_LOG_ERROR, SPDK_LOG_ERROR, SPDK_LOG_ERROR, SPDK_LOG_ERROR,
				      SPDK_LOG_WARN, SPDK_LOG_NOTICE, SPDK_LOG_INFO, SPDK_LOG_DEBUG };

	return level < 0 || level > 8 ? SPDK_LOG_DEBUG : levels[level];
}

static void
keep_text(int level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	keep_log_line(level, NULL, 0, NULL, format, arguments);
	va_end(arguments);
}

/* DPDK flushes after each message, on the thread that logged it. */
static ssize_t
keep_dpdk_message(void *cookie, const char *text, size_t bytes)
{
	int level = level_of_dpdk(rte_log_cur_msg_loglevel());
	const char *end;
	size_t at, length;

	for (at = 0; at < bytes; at += length + 1) {
		end = memchr(text + at, '\n', bytes - at);
		length = end == NULL ? bytes - at : (size_t)(end - (text + at));
		if (length > 0) {
			keep_text(level, "%.*s", (int)length, text + at);
		}
	}
	return (ssize_t)bytes;
}

/*
 * From here on lines go to spdkio_log_take and nowhere else: SPDK's, of which its print level decides which ones there
 * are, and DPDK's.
 */
SPDKIO_EXPORT void
spdkio_log_open(void)
{
	static FILE *dpdk;

	spdk_log_open(keep_log_line);
	pthread_mutex_lock(&g_log_mutex);
	if (dpdk == NULL && rte_openlog_stream != NULL && rte_log_cur_msg_loglevel != NULL) {
		dpdk = fopencookie(NULL, "w", (cookie_io_functions_t) { .write = keep_dpdk_message });
		if (dpdk != NULL) {
			rte_openlog_stream(dpdk);
		}
	}
	pthread_mutex_unlock(&g_log_mutex);
}

/* Copies the oldest line and forgets it; false when there is none. *dropped: how many were lost since the last call. */
SPDKIO_EXPORT bool
spdkio_log_take(struct spdkio_log_line *taken, uint64_t *dropped)
{
	bool some;

	pthread_mutex_lock(&g_log_mutex);
	some = g_log_head != g_log_tail;
	if (some) {
		*taken = g_log[g_log_head++ % LOG_LINES];
	}
	*dropped = g_log_dropped;
	g_log_dropped = 0;
	pthread_mutex_unlock(&g_log_mutex);
	return some;
}
