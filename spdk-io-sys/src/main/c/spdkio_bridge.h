/*
 * What spdk-io adds to SPDK inside libspdk_io.so. Compiled on the user's machine against the headers of the SPDK that is
 * linked in the same step.
 */
#ifndef SPDKIO_BRIDGE_H
#define SPDKIO_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <spdk/stdinc.h>
#include <spdk/accel.h>
#include <spdk/bdev.h>
#include <spdk/bdev_module.h>
#include <spdk/blob.h>
#include <spdk/blob_bdev.h>
#include <spdk/cpuset.h>
#include <spdk/env.h>
#include <spdk/env_dpdk.h>
#include <spdk/init.h>
#include <spdk/json.h>
#include <spdk/jsonrpc.h>
#include <spdk/log.h>
#include <spdk/lvol.h>
#include <spdk/nvme.h>
#include <spdk/nvmf.h>
#include <spdk/nvmf_transport.h>
#include <spdk/rpc.h>
#include <spdk/scsi_spec.h>
#include <spdk/string.h>
#include <spdk/thread.h>
#include <spdk/uuid.h>
#include <spdk/version.h>

#define SPDKIO_EXPORT __attribute__((visibility("default"), used))

/* An operation of a ring on a blob. The I/O of one that has completed is told from that of the next by the generation. */
struct spdkio_blob_operation {
	uint64_t generation;
	bool aborted;
};

/*
 * Of an OS thread: whether it is inside spdkio_ring_poll, and the last address at which a SIGBUS was given to SPDK there;
 * and whether it is inside spdkio_thread_create.
 */
struct spdkio_turn {
	bool polling;
	bool creating;
	void *fault;
};

/* Not of the initial-exec model: then all of DPDK's thread-local memory would have to fit where little is left. */
extern _Thread_local struct spdkio_turn spdkio_turn;

/* Whether anybody asks for what spdkio_turn says of polls. */
extern bool spdkio_sigbus_is_chained;

/* Java knows these numbers. */
enum spdkio_op {
	SPDKIO_NOP = 0,
	SPDKIO_READ = 1,
	SPDKIO_WRITE = 2,
	SPDKIO_READV = 3,
	SPDKIO_WRITEV = 4,
	SPDKIO_WRITE_ZEROES = 5,
	SPDKIO_UNMAP = 6,
	SPDKIO_FLUSH = 7,
	SPDKIO_RESET = 8,
	SPDKIO_COMPARE = 9,
	SPDKIO_COMPAREV = 10,
	SPDKIO_COMPARE_AND_WRITE = 11,
	SPDKIO_COMPAREV_AND_WRITEV = 12,
	SPDKIO_COPY = 13,
	SPDKIO_ABORT = 14,
	/* Of a blob, in io units. */
	SPDKIO_BLOB_READ = 16,
	SPDKIO_BLOB_WRITE = 17,
	SPDKIO_BLOB_READV = 18,
	SPDKIO_BLOB_WRITEV = 19,
	SPDKIO_BLOB_WRITE_ZEROES = 20,
	SPDKIO_BLOB_UNMAP = 21,
	SPDKIO_BLOB_ABORT = 22,
	/* Only told to Java, about a device that it serves. */
	SPDKIO_CHANNEL_CREATED = 32,
	SPDKIO_CHANNEL_DESTROYED = 33,
	SPDKIO_DESTRUCT = 34,
	SPDKIO_GONE = 35,
};

/* To Java: I/O of a device that it serves. */
struct spdkio_request {
	uint32_t op;
	uint32_t device;
	uint64_t io; /* struct spdk_bdev_io; 0 for what needs no answer */
	uint32_t channel;
	uint32_t iov_count;
	uint64_t offset_blocks;
	uint64_t num_blocks;
	uint64_t iovs;
	uint64_t extra; /* COPY: first block of the source; ABORT: the io to abort; COMPARE_AND_WRITE: iovecs to write */
	uint32_t extra_count;
	uint32_t reserved;
};

struct spdkio_ring;

/*
 * Room for a request in the queue, or NULL for want of memory. answered: Java will answer it. On the OS thread that
 * carries the ring's thread, as everything here.
 */
struct spdkio_request *spdkio_ring_request(struct spdkio_ring *ring, bool answered);

enum spdkio_op spdkio_operation_of(enum spdk_bdev_io_type type);

void spdkio_device_answer(struct spdk_bdev_io *io, int32_t status);

bool spdkio_bdev_aborts_reach(struct spdk_bdev *bdev);
bool spdkio_bdev_copies(struct spdk_bdev *bdev);

struct spdkio_store_io;

/* Aborts what a device does for an operation of this thread. */
void spdkio_store_abort_operation(struct spdkio_blob_operation *operation);

/* Of an SPDK thread. */
struct spdkio_thread_context {
	struct spdkio_ring *ring; /* NULL until spdkio_ring_attach */
	struct spdk_thread *next; /* in the list of threads that nobody has taken */
	struct spdkio_blob_operation *operation; /* for which blobstore works; NULL otherwise */
	LIST_HEAD(, spdkio_store_io) store_ios; /* under way */
	LIST_HEAD(, spdkio_store_io) spare_ios;
};

struct spdkio_thread_context *spdkio_thread_context(struct spdk_thread *thread);

struct spdkio_pages;

/* To Java: what is known of a blob's metadata pages; all 0 when nothing is. */
struct spdkio_pages_of {
	uint32_t chain;   /* how many they are */
	uint32_t bytes;   /* what their descriptors take */
	uint32_t user_bytes; /* of that, users' attributes */
	uint32_t missing; /* extent pages, or without an extent table clusters, that are not allocated */
	uint32_t table;   /* whether it has an extent table */
	uint32_t kept;    /* how many are kept back for it */
	uint32_t writes;  /* how often the first one was written */
};

uint64_t spdkio_pages_super(struct spdkio_pages **pages, const uint8_t *super, uint32_t block_bytes,
			    uint64_t block_count);
void spdkio_pages_write(struct spdkio_pages *pages, uint64_t block, uint64_t blocks, const uint8_t *content,
			uint64_t bytes);
void spdkio_pages_read(struct spdkio_pages *pages, uint64_t block, uint64_t blocks, const uint8_t *content,
		       uint64_t bytes);
void spdkio_pages_zeroed(struct spdkio_pages *pages, uint64_t block, uint64_t blocks);
uint64_t spdkio_pages_used(const struct spdkio_pages *pages, uint64_t block, uint64_t blocks);
void spdkio_pages_keep(struct spdkio_pages *pages, uint64_t first, bool open, uint32_t added_bytes);
int32_t spdkio_pages_spare(const struct spdkio_pages *pages, bool io_takes);
void spdkio_pages_of(const struct spdkio_pages *pages, uint64_t first, struct spdkio_pages_of *result);

/* Frees what a thread keeps for its I/O to stores. */
void spdkio_store_forget(struct spdkio_thread_context *context);

#endif
