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
 * whether it is inside spdkio_thread_create; and whether what SPDK logs is of no interest.
 */
struct spdkio_turn {
	bool polling;
	bool creating;
	bool quiet;
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

/* Frees what a thread keeps for its I/O to stores. */
void spdkio_store_forget(struct spdkio_thread_context *context);

#endif
