package io.spdkio.embedded.tck.broken;

/** What is wrong with an engine. */
enum Defect {
    /** Nothing; everything goes through the wrapper all the same. */
    NONE,
    /** Nothing; every handle is decorated all the same. */
    NONE_BUT_DECORATED,
    /** Every fiftieth I/O completes never. */
    LOST_COMPLETION,
    /** Every I/O is completed, and a little later once more. */
    DOUBLE_COMPLETION,
    /** What is done at once is delivered at once, before submit returns. */
    COMPLETION_INSIDE_SUBMIT,
    /** The last block of the device is the one before it. */
    OFF_BY_ONE_AT_THE_END,
    /** The device says that it has a block more than it has. */
    ONE_BLOCK_TOO_MANY,
    /** A write completes before the device has the data. */
    STALE_DATA_AFTER_WRITE,
    /** A reset completes and has done nothing. */
    IGNORED_RESET,
    /** A flush completes and has done nothing. */
    FLUSH_DOES_NOTHING,
    /** The pieces of a vectored I/O are taken from the last to the first. */
    REVERSED_IOVECS,
    /** The pieces of a vectored I/O are taken in turn of their addresses. */
    IOVECS_BY_ADDRESS,
    /** A failed I/O never gives its lease back. */
    LEAKED_LEASE,
    /** A cancelled I/O gives its lease back at once, although the device still works on it. */
    LEASE_ENDS_WITH_THE_FUTURE,
    /** A confined call on the wrong thread is let pass. */
    WRONG_THREAD_ACCEPTED,
    /** Failed I/O is reported as a success. */
    SWALLOWED_FAILURE,
    /** An abort is taken and forgotten. */
    IGNORED_ABORT,
    /** compareAndWrite is a read, a compare and a write, with room between them. */
    TORN_COMPARE_AND_WRITE,
    /** writeZeroes leaves the last block. */
    ZEROES_ONE_BLOCK_SHORT,
    /** A device that is removed tells nobody. */
    SILENT_REMOVAL,
    /** Limits are told as they were set, and hold nothing back. */
    IGNORED_LIMITS,
    /** The parts of a device come in another order. */
    PARTS_IN_DISORDER,
    /** A control call passes over parameters that it does not know. */
    UNKNOWN_PARAMETERS_IGNORED,
    /** A control call tells every failure as an internal error. */
    ONE_ERROR_CODE,
    /** A store's super blob is not kept. */
    SUPER_BLOB_FORGOTTEN,
    /** Going through the blobs leaves out every second one. */
    CURSOR_SKIPS_BLOBS,
    /** A clone is a copy and has no parent. */
    CLONES_ARE_COPIES,
    /** A snapshot has none of the attributes that it was to have. */
    SNAPSHOTS_LOSE_ATTRIBUTES,
    /** Decoupling a blob from its parent takes it from all its ancestors. */
    DECOUPLING_INFLATES,
    /** An unmap of a thin blob completes and gives nothing back. */
    UNMAP_KEEPS_CLUSTERS,
    /** A blob is never made smaller. */
    NEVER_SHRINKS,
    /** A blob that is made read-only stays as it is. */
    READ_ONLY_IGNORED,
    /** Attributes that are removed stay. */
    ATTRIBUTES_STAY,
    /** A store's flushes do nothing, so that a power cut takes metadata in any order. */
    STORE_NEVER_FLUSHES;

    /** The one at work; tests of the suite run one after the other. */
    static volatile Defect current = NONE;
}
