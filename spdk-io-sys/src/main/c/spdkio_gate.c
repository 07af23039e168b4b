/*
 * A gate before a block device, which lets a share of its I/O fail: SPDK's own error device counts only. It takes the
 * place of the device's function table, and so sees the I/O of everybody, whatever it comes through.
 */
#include "spdkio_bridge.h"

enum gate_mode {
	GATE_FAILURE = 0,
	GATE_NOMEM = 1,
};

#define GATE_OPERATIONS (SPDKIO_ABORT + 1)

struct gate_rule {
	uint64_t state;     /* of the random numbers */
	uint64_t threshold; /* hit below this, of 2^53 */
	uint64_t left;      /* how many more it hits */
	enum gate_mode mode;
};

struct spdkio_gate {
	struct spdk_bdev_fn_table functions; /* first: found from the device's table */
	const struct spdk_bdev_fn_table *original;
	struct spdk_bdev *bdev;
	struct spdkio_gate *next;
	pthread_spinlock_t lock;
	uint32_t active; /* a bit for each operation with a rule */
	struct gate_rule rules[GATE_OPERATIONS];
};

static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct spdkio_gate *g_gates;

/* java.util.SplittableRandom's: what is hit with a seed is the same with every engine. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool
hits(struct spdkio_gate *gate, enum spdkio_op op, enum gate_mode *mode)
{
	struct gate_rule *rule = &gate->rules[op];
	bool hit = false;

	pthread_spin_lock(&gate->lock);
	if ((gate->active >> op & 1) != 0 && next_random(&rule->state) >> 11 < rule->threshold) {
		hit = true;
		*mode = rule->mode;
		if (--rule->left == 0) {
			__atomic_and_fetch(&gate->active, ~(1u << op), __ATOMIC_RELAXED);
		}
	}
	pthread_spin_unlock(&gate->lock);
	return hit;
}

static void
submit_request(struct spdk_io_channel *channel, struct spdk_bdev_io *io)
{
	struct spdkio_gate *gate = (struct spdkio_gate *)io->bdev->fn_table;
	enum spdkio_op op = spdkio_operation_of(io->type);
	enum gate_mode mode;

	if (spdk_likely((__atomic_load_n(&gate->active, __ATOMIC_RELAXED) >> op & 1) == 0) || !hits(gate, op, &mode)) {
		gate->original->submit_request(channel, io);
		return;
	}
	if (mode == GATE_NOMEM) {
		spdk_bdev_io_complete(io, SPDK_BDEV_IO_STATUS_NOMEM);
		return;
	}
	if ((op == SPDKIO_READ || op == SPDKIO_WRITE) && io->u.bdev.accel_sequence != NULL) {
		/* It is the device's by now. */
		spdk_accel_sequence_abort(io->u.bdev.accel_sequence);
	}
	spdk_bdev_io_complete(io, SPDK_BDEV_IO_STATUS_FAILED);
}

/* The device goes, and its gate with it. */
static int
destruct(void *context)
{
	const struct spdk_bdev_fn_table *original;
	struct spdkio_gate **place;
	struct spdkio_gate *gate;

	pthread_mutex_lock(&g_mutex);
	for (place = &g_gates; (*place)->bdev->ctxt != context; place = &(*place)->next) {
	}
	gate = *place;
	*place = gate->next;
	pthread_mutex_unlock(&g_mutex);
	original = gate->original;
	gate->bdev->fn_table = original;
	pthread_spin_destroy(&gate->lock);
	free(gate);
	return original->destruct(context);
}

/*
 * Puts a gate before a device, which lets everything through, or finds the one that it has. NULL for want of memory. It
 * lasts as long as the device. On the app thread.
 */
SPDKIO_EXPORT struct spdkio_gate *
spdkio_gate_install(struct spdk_bdev *bdev)
{
	struct spdkio_gate *gate;

	if (bdev->fn_table->submit_request == submit_request) {
		return (struct spdkio_gate *)bdev->fn_table;
	}
	gate = calloc(1, sizeof(*gate));
	if (gate == NULL) {
		return NULL;
	}
	pthread_spin_init(&gate->lock, PTHREAD_PROCESS_PRIVATE);
	gate->bdev = bdev;
	gate->original = bdev->fn_table;
	gate->functions = *bdev->fn_table;
	gate->functions.submit_request = submit_request;
	gate->functions.destruct = destruct;
	pthread_mutex_lock(&g_mutex);
	gate->next = g_gates;
	g_gates = gate;
	pthread_mutex_unlock(&g_mutex);
	__atomic_store_n(&bdev->fn_table, &gate->functions, __ATOMIC_RELEASE);
	return gate;
}

/*
 * Sets the rule of an operation, in place of the one that it has: threshold of 2^53 of its I/Os fail, count at most. Any
 * thread. Returns 0 or -EINVAL; SPDK has no way to retry a reset.
 */
SPDKIO_EXPORT int
spdkio_gate_set(struct spdkio_gate *gate, uint32_t op, uint32_t mode, uint64_t threshold, uint64_t seed, uint64_t count)
{
	if (op == SPDKIO_NOP || op >= GATE_OPERATIONS || mode > GATE_NOMEM || count == 0
	    || (op == SPDKIO_RESET && mode == GATE_NOMEM)) {
		return -EINVAL;
	}
	pthread_spin_lock(&gate->lock);
	gate->rules[op] = (struct gate_rule) {
		.state = seed, .threshold = threshold, .left = count, .mode = (enum gate_mode)mode
	};
	__atomic_or_fetch(&gate->active, 1u << op, __ATOMIC_RELAXED);
	pthread_spin_unlock(&gate->lock);
	return 0;
}

/* Ends all rules. Any thread. */
SPDKIO_EXPORT void
spdkio_gate_clear(struct spdkio_gate *gate)
{
	pthread_spin_lock(&gate->lock);
	__atomic_store_n(&gate->active, 0, __ATOMIC_RELAXED);
	pthread_spin_unlock(&gate->lock);
}
