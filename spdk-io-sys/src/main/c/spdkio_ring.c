/*
 * The data path: submissions that Java writes and a ring of completions that it reads, both in memory that both see. One
 * call a poll hands all submissions to SPDK, polls the SPDK thread and says how many completions wait. Submissions start
 * again at the first entry then, which keeps them in the cache.
 *
 * A ring belongs to one SPDK thread and is only touched by the OS thread that carries it, so nothing here is atomic.
 * An operation is named by its slot. A slot is in use from the write of its submission to the read of its completion,
 * and has exactly one of each; there are as many entries as slots.
 *
 * An operation that SPDK has no memory for waits here, and every poll tries again: one that waits in SPDK's own queue
 * (spdk_bdev_queue_io_wait) cannot be taken out of it.
 */
#include "spdkio_bridge.h"

struct spdkio_sqe {
	uint32_t slot;
	uint16_t op;
	uint16_t reserved;
	uint32_t iov_count; /* ...V: how many vectors */
	uint32_t target;    /* (BLOB_)ABORT: the slot to abort; COMPAREV_AND_WRITEV: how many vectors to write */
	uint64_t desc; /* BLOB_...: the blob */
	uint64_t channel;
	uint64_t buffer; /* the data, or an array of iovecs that stays until completion */
	uint64_t offset_blocks;
	uint64_t num_blocks;
	uint64_t extra; /* COPY: first block of the source; COMPARE(V)_AND_WRITE(V): what to write, as buffer */
};

struct spdkio_cqe {
	uint32_t slot;
	int32_t status; /* 0, -errno, or NVMe status code type << 8 | status code */
};

/* From Java: what became of a request. */
struct spdkio_answer {
	uint64_t io;
	int32_t status;
	uint32_t reserved;
};

/* Shared with Java, which knows these offsets. */
struct spdkio_ring {
	uint32_t mask;      /*  0: entries of sq and cq, less one */
	uint32_t sq_head;   /*  4: written here */
	uint32_t sq_tail;   /*  8: written by Java; 0 again when all have been handed over */
	uint32_t cq_head;   /* 12: written by Java */
	uint32_t cq_tail;   /* 16: written here */
	uint32_t waiting;   /* 20: how many operations wait for memory */
	int32_t busy;       /* 24: what the last spdk_thread_poll returned */
	uint32_t reserved;  /* 28 */
	struct spdkio_sqe *sq; /* 32 */
	struct spdkio_cqe *cq; /* 40 */
	struct spdkio_request *requests; /* 48 */
	struct spdkio_answer *answers;   /* 56 */
	uint32_t request_entries; /* 64: of either queue; 0 until there is a request */
	uint32_t request_head;    /* 68: written by Java */
	uint32_t request_tail;    /* 72: written here */
	uint32_t answer_head;     /* 76: written here */
	uint32_t answer_tail;     /* 80: written by Java */
	uint32_t unanswered;      /* 84: requests that have no answer yet */
	uint64_t ticks;           /* 88: when the last poll ended */
	/* Not Java's business. */
	struct spdk_thread *thread; /* NULL until attached */
	struct spdkio_thread_context *context; /* the thread's */
	struct spdkio_chunk **chunks;
	uint32_t chunk_count;
	uint32_t blob_operations; /* how many are with blobstore */
	TAILQ_HEAD(, spdkio_details) waiting_operations;
};

_Static_assert(sizeof(struct spdkio_sqe) == 64, "Java writes 64 bytes");
_Static_assert(sizeof(struct spdkio_cqe) == 8, "Java reads 8 bytes");
_Static_assert(sizeof(struct spdkio_request) == 64, "Java reads 64 bytes");
_Static_assert(sizeof(struct spdkio_answer) == 16, "Java writes 16 bytes");
_Static_assert(offsetof(struct spdkio_ring, ticks) == 88, "Java reads it there");

/* What every completion needs, and small for the cache's sake. */
struct spdkio_operation {
	struct spdkio_ring *ring;
	uint32_t slot;
	bool waits;
};

/* What reads and writes do not need, unless they wait. */
struct spdkio_details {
	struct spdkio_sqe sqe;
	struct iovec compare;
	struct iovec write;
	TAILQ_ENTRY(spdkio_details) link; /* in waiting_operations */
	struct spdkio_blob_operation blob;
};

/* Of each channel of a store some requests are left for what blobstore does by itself. */
#define MAX_BLOB_OPERATIONS 512

#define CHUNK_SHIFT 8
#define CHUNK_SLOTS (1u << CHUNK_SHIFT)

struct spdkio_chunk {
	struct spdkio_operation operations[CHUNK_SLOTS];
	struct spdkio_details details[CHUNK_SLOTS];
};

static inline struct spdkio_operation *
operation(struct spdkio_ring *ring, uint32_t slot)
{
	return &ring->chunks[slot >> CHUNK_SHIFT]->operations[slot & (CHUNK_SLOTS - 1)];
}

static inline struct spdkio_details *
details(struct spdkio_operation *op)
{
	return &op->ring->chunks[op->slot >> CHUNK_SHIFT]->details[op->slot & (CHUNK_SLOTS - 1)];
}

static inline void
complete(struct spdkio_ring *ring, uint32_t slot, int32_t status)
{
	struct spdkio_cqe *cqe = &ring->cq[ring->cq_tail++ & ring->mask];

	cqe->slot = slot;
	cqe->status = status;
}

/* The NVMe status says "internal error" for what only the other two can express. */
static int32_t
failure(struct spdk_bdev_io *io)
{
	uint32_t cdw0;
	int type, code, scsi, key, asc, ascq, result;

	spdk_bdev_io_get_nvme_status(io, &cdw0, &type, &code);
	if (type != SPDK_NVME_SCT_GENERIC || (code != 0 && code != SPDK_NVME_SC_INTERNAL_DEVICE_ERROR)) {
		return (type & 7) << 8 | (code & 255);
	}
	spdk_bdev_io_get_aio_status(io, &result);
	if (result < 0 && result != -EIO) {
		return result;
	}
	spdk_bdev_io_get_scsi_status(io, &scsi, &key, &asc, &ascq);
	return key == SPDK_SCSI_SENSE_MISCOMPARE ? SPDK_NVME_SCT_MEDIA_ERROR << 8 | SPDK_NVME_SC_COMPARE_FAILURE
	       : SPDK_NVME_SC_INTERNAL_DEVICE_ERROR;
}

static void
on_complete(struct spdk_bdev_io *io, bool success, void *argument)
{
	struct spdkio_operation *op = argument;

	complete(op->ring, op->slot, success ? 0 : failure(io));
	spdk_bdev_free_io(io);
}

static void
wait_for_memory(struct spdkio_operation *op)
{
	op->waits = true;
	op->ring->waiting++;
	TAILQ_INSERT_TAIL(&op->ring->waiting_operations, details(op), link);
}

static void
stop_waiting(struct spdkio_operation *op)
{
	TAILQ_REMOVE(&op->ring->waiting_operations, details(op), link);
	op->ring->waiting--;
	op->waits = false;
}

/*
 * Blobstore calls this even while the operation is submitted. A channel of its has room for so many; with nothing of ours
 * there, waiting might be in vain.
 */
static void
on_blob_complete(void *argument, int status)
{
	struct spdkio_operation *op = argument;

	op->ring->blob_operations--;
	if (spdk_unlikely(status == -ENOMEM && op->ring->blob_operations > 0)) {
		wait_for_memory(op);
	} else {
		complete(op->ring, op->slot, status);
	}
}

static int
submit_blob(struct spdkio_operation *op, const struct spdkio_sqe *sqe, struct spdk_blob *blob,
	    struct spdk_io_channel *channel)
{
	uint64_t offset = sqe->offset_blocks;
	uint64_t length = sqe->num_blocks;
	void *buffer = (void *)(uintptr_t)sqe->buffer;
	struct spdkio_blob_operation *blob_operation = &details(op)->blob;
	struct spdkio_thread_context *context = op->ring->context;

	if (spdk_unlikely(op->ring->blob_operations >= MAX_BLOB_OPERATIONS)) {
		wait_for_memory(op);
		return 0;
	}
	op->ring->blob_operations++;
	blob_operation->generation++;
	blob_operation->aborted = false;
	if (context != NULL) {
		context->operation = blob_operation;
	}
	switch (sqe->op) {
	case SPDKIO_BLOB_READ:
		spdk_blob_io_read(blob, channel, buffer, offset, length, on_blob_complete, op);
		break;
	case SPDKIO_BLOB_WRITE:
		spdk_blob_io_write(blob, channel, buffer, offset, length, on_blob_complete, op);
		break;
	case SPDKIO_BLOB_READV:
		spdk_blob_io_readv(blob, channel, buffer, (int)sqe->iov_count, offset, length, on_blob_complete, op);
		break;
	case SPDKIO_BLOB_WRITEV:
		spdk_blob_io_writev(blob, channel, buffer, (int)sqe->iov_count, offset, length, on_blob_complete, op);
		break;
	case SPDKIO_BLOB_WRITE_ZEROES:
		spdk_blob_io_write_zeroes(blob, channel, offset, length, on_blob_complete, op);
		break;
	default:
		spdk_blob_io_unmap(blob, channel, offset, length, on_blob_complete, op);
		break;
	}
	if (context != NULL) {
		context->operation = NULL;
	}
	return 0;
}

static int
submit_other(struct spdkio_operation *op, struct spdk_bdev_desc *desc, struct spdk_io_channel *channel)
{
	struct spdkio_details *more = details(op);
	const struct spdkio_sqe *sqe = &more->sqe;
	uint64_t offset = sqe->offset_blocks;
	uint64_t count = sqe->num_blocks;
	void *buffer = (void *)(uintptr_t)sqe->buffer;
	void *extra = (void *)(uintptr_t)sqe->extra;
	struct spdkio_operation *target;
	size_t bytes;

	switch (sqe->op) {
	case SPDKIO_READV:
		return spdk_bdev_readv_blocks(desc, channel, buffer, (int)sqe->iov_count, offset, count, on_complete, op);
	case SPDKIO_WRITEV:
		return spdk_bdev_writev_blocks(desc, channel, buffer, (int)sqe->iov_count, offset, count, on_complete, op);
	case SPDKIO_WRITE_ZEROES:
		return spdk_bdev_write_zeroes_blocks(desc, channel, offset, count, on_complete, op);
	case SPDKIO_UNMAP:
		return spdk_bdev_unmap_blocks(desc, channel, offset, count, on_complete, op);
	case SPDKIO_FLUSH:
		return spdk_bdev_flush_blocks(desc, channel, offset, count, on_complete, op);
	case SPDKIO_RESET:
		return spdk_bdev_reset(desc, channel, on_complete, op);
	case SPDKIO_COMPARE:
		return spdk_bdev_compare_blocks(desc, channel, buffer, offset, count, on_complete, op);
	case SPDKIO_COMPAREV:
		return spdk_bdev_comparev_blocks(desc, channel, buffer, (int)sqe->iov_count, offset, count, on_complete, op);
	case SPDKIO_COMPARE_AND_WRITE:
		bytes = count * spdk_bdev_get_block_size(spdk_bdev_desc_get_bdev(desc));
		more->compare = (struct iovec) { .iov_base = buffer, .iov_len = bytes };
		more->write = (struct iovec) { .iov_base = extra, .iov_len = bytes };
		return spdk_bdev_comparev_and_writev_blocks(desc, channel, &more->compare, 1, &more->write, 1, offset, count,
				on_complete, op);
	case SPDKIO_COMPAREV_AND_WRITEV:
		return spdk_bdev_comparev_and_writev_blocks(desc, channel, buffer, (int)sqe->iov_count, extra,
				(int)sqe->target, offset, count, on_complete, op);
	case SPDKIO_COPY:
		return spdk_bdev_copy_blocks(desc, channel, offset, sqe->extra, count, on_complete, op);
	case SPDKIO_ABORT:
	case SPDKIO_BLOB_ABORT:
		if (sqe->target >= op->ring->chunk_count * CHUNK_SLOTS) {
			return -EINVAL;
		}
		target = operation(op->ring, sqe->target);
		if (target->waits) {
			/* SPDK has not seen it yet. */
			stop_waiting(target);
			complete(op->ring, sqe->target, SPDK_NVME_SC_ABORTED_BY_REQUEST);
			complete(op->ring, op->slot, 0);
			return 0;
		}
		if (sqe->op == SPDKIO_BLOB_ABORT) {
			spdkio_store_abort_operation(&details(target)->blob);
			complete(op->ring, op->slot, 0);
			return 0;
		}
		return spdk_bdev_abort(desc, channel, target, on_complete, op);
	case SPDKIO_NOP:
		complete(op->ring, op->slot, 0);
		return 0;
	default:
		return -EINVAL;
	}
}

static void
submit(struct spdkio_operation *op, const struct spdkio_sqe *sqe)
{
	struct spdk_bdev_desc *desc = (void *)(uintptr_t)sqe->desc;
	struct spdk_io_channel *channel = (void *)(uintptr_t)sqe->channel;
	void *buffer = (void *)(uintptr_t)sqe->buffer;
	int rc;

	if (sqe->op == SPDKIO_READ) {
		rc = spdk_bdev_read_blocks(desc, channel, buffer, sqe->offset_blocks, sqe->num_blocks, on_complete, op);
	} else if (sqe->op == SPDKIO_WRITE) {
		rc = spdk_bdev_write_blocks(desc, channel, buffer, sqe->offset_blocks, sqe->num_blocks, on_complete, op);
	} else {
		details(op)->sqe = *sqe;
		rc = sqe->op >= SPDKIO_BLOB_READ && sqe->op <= SPDKIO_BLOB_UNMAP
			     ? submit_blob(op, sqe, (struct spdk_blob *)desc, channel)
			     : submit_other(op, desc, channel);
	}
	if (spdk_unlikely(rc == -ENOMEM)) {
		details(op)->sqe = *sqe;
		wait_for_memory(op);
	} else if (spdk_unlikely(rc != 0)) {
		complete(op->ring, op->slot, rc);
	}
}

/* As many as SPDK has memory for, in their order. */
static void
resubmit(struct spdkio_ring *ring)
{
	struct spdkio_operation *op;
	struct spdkio_details *first;

	while ((first = TAILQ_FIRST(&ring->waiting_operations)) != NULL) {
		op = operation(ring, first->sqe.slot);
		stop_waiting(op);
		submit(op, &first->sqe);
		if (op->waits) {
			TAILQ_REMOVE(&ring->waiting_operations, first, link);
			TAILQ_INSERT_HEAD(&ring->waiting_operations, first, link);
			return;
		}
	}
}

static void
submit_all(struct spdkio_ring *ring)
{
	struct spdkio_sqe *sqe;

	if (spdk_unlikely(ring->waiting != 0)) {
		resubmit(ring);
	}
	/* Callbacks of somebody's may add entries, or even poll. */
	while (ring->sq_head != ring->sq_tail) {
		sqe = &ring->sq[ring->sq_head++];
		submit(operation(ring, sqe->slot), sqe);
	}
	ring->sq_head = 0;
	ring->sq_tail = 0;
}

/* ---- requests to Java */

/* The queues move, and entries keep their order. */
static bool
grow_requests(struct spdkio_ring *ring)
{
	uint32_t before = ring->request_entries;
	uint32_t entries = before == 0 ? 256 : before * 2;
	struct spdkio_request *requests = NULL;
	struct spdkio_answer *answers = NULL;

	if (posix_memalign((void **)&requests, 64, entries * sizeof(*requests)) != 0
	    || posix_memalign((void **)&answers, 64, entries * sizeof(*answers)) != 0) {
		free(requests);
		return false;
	}
	for (uint32_t i = ring->request_head; i != ring->request_tail; i++) {
		requests[i & (entries - 1)] = ring->requests[i & (before - 1)];
	}
	for (uint32_t i = ring->answer_head; i != ring->answer_tail; i++) {
		answers[i & (entries - 1)] = ring->answers[i & (before - 1)];
	}
	free(ring->requests);
	free(ring->answers);
	ring->requests = requests;
	ring->answers = answers;
	ring->request_entries = entries;
	return true;
}

/* There is always room for the answers to all requests. */
struct spdkio_request *
spdkio_ring_request(struct spdkio_ring *ring, bool answered)
{
	if (spdk_unlikely(ring->request_tail - ring->request_head == ring->request_entries
			  || ring->unanswered == ring->request_entries)
	    && !grow_requests(ring)) {
		return NULL;
	}
	ring->unanswered += answered;
	return &ring->requests[ring->request_tail++ & (ring->request_entries - 1)];
}

/* An answer may lead to more requests, and so to other queues. */
static void
answer_all(struct spdkio_ring *ring)
{
	struct spdkio_answer answer;

	while (ring->answer_head != ring->answer_tail) {
		answer = ring->answers[ring->answer_head++ & (ring->request_entries - 1)];
		ring->unanswered--;
		spdkio_device_answer((struct spdk_bdev_io *)(uintptr_t)answer.io, answer.status);
	}
}

/* Hands answers and submissions over, polls the thread, and returns how many completions wait. */
SPDKIO_EXPORT int32_t
spdkio_ring_poll(struct spdkio_ring *ring, struct spdk_thread *thread, uint32_t max_messages)
{
	struct spdk_thread *before = spdk_get_thread();
	uint64_t now = 0;

	if (spdk_unlikely(spdkio_sigbus_is_chained)) {
		spdkio_turn.polling = true;
		spdkio_turn.fault = NULL;
	}
	/* Thread-local memory of a library that was opened late is not cheap: a caller does well to set the thread once. */
	if (spdk_unlikely(before != thread)) {
		spdk_set_thread(thread);
	}
	if (ring->answer_head != ring->answer_tail) {
		answer_all(ring);
	}
	if (ring->sq_tail != 0 || ring->waiting != 0) {
		submit_all(ring);
	}
	/* As SPDK's reactors do. Only while polls follow each other: a clock that stood still would delay timers. */
	if (ring->busy > 0) {
		now = spdk_thread_get_last_tsc(thread);
	}
	ring->busy = spdk_thread_poll(thread, max_messages, now);
	ring->ticks = spdk_thread_get_last_tsc(thread);
	if (spdk_unlikely(before != thread)) {
		spdk_set_thread(before);
	}
	if (spdk_unlikely(spdkio_sigbus_is_chained)) {
		spdkio_turn.polling = false;
	}
	return (int32_t)(ring->cq_tail - ring->cq_head);
}

static uint32_t
entries_for(uint32_t slots)
{
	uint32_t entries = CHUNK_SLOTS;

	while (entries < slots) {
		entries *= 2;
	}
	return entries;
}

/*
 * Makes room for this many slots. Operations stay where they are and entries keep their order; the two rings move.
 * Returns 0 or -ENOMEM, which leaves everything as it was.
 */
SPDKIO_EXPORT int
spdkio_ring_grow(struct spdkio_ring *ring, uint32_t slots)
{
	uint32_t entries = entries_for(slots);
	uint32_t chunk_count = entries >> CHUNK_SHIFT;
	struct spdkio_chunk **chunks;
	struct spdkio_sqe *sq = NULL;
	struct spdkio_cqe *cq = NULL;

	if (ring->sq != NULL && entries <= ring->mask + 1) {
		return 0;
	}
	chunks = realloc(ring->chunks, chunk_count * sizeof(*chunks));
	if (chunks == NULL) {
		return -ENOMEM;
	}
	ring->chunks = chunks;
	while (ring->chunk_count < chunk_count) {
		struct spdkio_chunk *chunk = calloc(1, sizeof(*chunk));

		if (chunk == NULL) {
			return -ENOMEM;
		}
		for (uint32_t i = 0; i < CHUNK_SLOTS; i++) {
			chunk->operations[i].ring = ring;
			chunk->operations[i].slot = (ring->chunk_count << CHUNK_SHIFT) + i;
		}
		chunks[ring->chunk_count++] = chunk;
	}
	if (posix_memalign((void **)&sq, 64, entries * sizeof(*sq)) != 0
	    || posix_memalign((void **)&cq, 64, entries * sizeof(*cq)) != 0) {
		free(sq);
		return -ENOMEM;
	}
	for (uint32_t i = ring->sq_head; i != ring->sq_tail; i++) {
		sq[i] = ring->sq[i];
	}
	for (uint32_t i = ring->cq_head; i != ring->cq_tail; i++) {
		cq[i & (entries - 1)] = ring->cq[i & ring->mask];
	}
	free(ring->sq);
	free(ring->cq);
	ring->sq = sq;
	ring->cq = cq;
	ring->mask = entries - 1;
	return 0;
}

/*
 * Makes this the ring of the thread, which finds it through spdk_get_thread. A thread has one, and a ring belongs to one.
 * Returns 0, -EBUSY, or -ENOTSUP when spdkio_threads_init has not been called.
 */
SPDKIO_EXPORT int
spdkio_ring_attach(struct spdkio_ring *ring, struct spdk_thread *thread)
{
	struct spdkio_thread_context *context = spdkio_thread_context(thread);

	if (context == NULL) {
		return -ENOTSUP;
	}
	if (ring->thread != NULL || context->ring != NULL) {
		return -EBUSY;
	}
	ring->thread = thread;
	ring->context = context;
	context->ring = ring;
	return 0;
}

/* Before the thread is destroyed. */
SPDKIO_EXPORT void
spdkio_ring_detach(struct spdkio_ring *ring)
{
	struct spdkio_thread_context *context = spdkio_thread_context(ring->thread);

	if (context != NULL) {
		spdkio_store_forget(context);
		context->ring = NULL;
	}
	ring->thread = NULL;
	ring->context = NULL;
}

/* Nothing may be outstanding. */
SPDKIO_EXPORT void
spdkio_ring_free(struct spdkio_ring *ring)
{
	spdkio_ring_detach(ring);
	for (uint32_t i = 0; i < ring->chunk_count; i++) {
		free(ring->chunks[i]);
	}
	free(ring->chunks);
	free(ring->sq);
	free(ring->cq);
	free(ring->requests);
	free(ring->answers);
	free(ring);
}

SPDKIO_EXPORT struct spdkio_ring *
spdkio_ring_create(uint32_t slots)
{
	struct spdkio_ring *ring = calloc(1, sizeof(*ring));

	if (ring == NULL) {
		return NULL;
	}
	TAILQ_INIT(&ring->waiting_operations);
	if (spdkio_ring_grow(ring, slots) != 0) {
		spdkio_ring_free(ring);
		return NULL;
	}
	return ring;
}
