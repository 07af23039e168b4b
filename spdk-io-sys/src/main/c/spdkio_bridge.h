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

/*
 * Of an OS thread: whether it is inside spdkio_ring_poll, and the last address at which a SIGBUS was given to SPDK there;
 * whether it is inside spdkio_thread_create.
 */
struct spdkio_turn {
	bool polling;
	bool creating;
	void *fault;
};

/* Not of the initial-exec model: then all of DPDK's thread-local memory would have to fit where little is left. */
extern _Thread_local struct spdkio_turn spdkio_turn;

struct spdkio_ring;

/* Of an SPDK thread. */
struct spdkio_thread_context {
	struct spdkio_ring *ring; /* NULL until spdkio_ring_attach */
	struct spdk_thread *next; /* in the list of threads that nobody has taken */
};

struct spdkio_thread_context *spdkio_thread_context(struct spdk_thread *thread);

#endif
