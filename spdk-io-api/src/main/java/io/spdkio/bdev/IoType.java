package io.spdkio.bdev;

/** What an I/O does ({@code enum spdk_bdev_io_type}). */
public enum IoType {
    /** Reads blocks. */
    READ("read"),
    /** Writes blocks. */
    WRITE("write"),
    /** Tells the device that blocks are not needed any more; they read as zeroes or as before. */
    UNMAP("unmap"),
    /** Makes completed writes durable. */
    FLUSH("flush"),
    /** Aborts all outstanding I/O of the device and brings it back to a known state. */
    RESET("reset"),
    /** Writes zeroes without sending them. */
    WRITE_ZEROES("writeZeroes"),
    /** Compares blocks with a buffer. */
    COMPARE("compare"),
    /** Compares blocks with a buffer and, if equal, writes another, as one step. */
    COMPARE_AND_WRITE("compareAndWrite"),
    /** Copies blocks within the device. */
    COPY("copy"),
    /** Aborts one outstanding I/O. */
    ABORT("abort");

    private final String label;

    IoType(String label) {
        this.label = label;
    }

    /**
     * The name as the methods of {@link BdevDesc} spell it.
     *
     * @return for instance {@code writeZeroes}
     */
    public String label() {
        return label;
    }

    /**
     * Whether an I/O of this type changes what the device holds, so that a read-only descriptor refuses it.
     *
     * @return true for write, writeZeroes, unmap, compareAndWrite and copy
     */
    public boolean modifies() {
        return switch (this) {
            case WRITE, UNMAP, WRITE_ZEROES, COMPARE_AND_WRITE, COPY -> true;
            case READ, FLUSH, RESET, COMPARE, ABORT -> false;
        };
    }
}
