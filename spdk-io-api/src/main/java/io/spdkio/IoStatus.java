package io.spdkio;

/**
 * How an I/O ended, packed into an {@code int} so that the data path allocates nothing.
 *
 * <ul>
 *   <li>{@code 0}: success;
 *   <li>negative: {@code -errno} (see {@link Errno}), as SPDK's own functions return it;
 *   <li>positive: an NVMe status, {@code statusCodeType << 8 | statusCode} (NVM Express Base Specification, "Status
 *       Field"), as {@code spdk_bdev_io_get_nvme_status} reports it.
 * </ul>
 */
public final class IoStatus {
    /** The I/O succeeded. */
    public static final int SUCCESS = 0;

    /** NVMe generic status 06h, Internal Error: what SPDK reports for an I/O that failed without saying why. */
    public static final int INTERNAL_ERROR = 0x06;

    /** NVMe generic status 07h, Command Abort Requested: the I/O was aborted. */
    public static final int ABORTED = 0x07;

    /** NVMe media error status 85h, Compare Failure: the data on the device differs. */
    public static final int MISCOMPARE = 0x285;

    private IoStatus() {}

    /**
     * Makes a status from an NVMe status code type and status code.
     *
     * @param type the status code type (SCT), 0 to 7
     * @param code the status code (SC), 0 to 255
     * @return the packed status
     */
    public static int nvme(int type, int code) {
        if ((type & ~0x7) != 0 || (code & ~0xff) != 0) {
            throw new IllegalArgumentException("NVMe status out of range: type " + type + ", code " + code);
        }
        return (type << 8) | code;
    }

    /**
     * Whether a status is an NVMe status rather than success or an errno.
     *
     * @param status a packed status
     * @return true for an NVMe status
     */
    public static boolean isNvme(int status) {
        return status > 0;
    }

    /**
     * The NVMe status code type (SCT) of an NVMe status.
     *
     * @param status a packed status
     * @return the type, or 0 when this is no NVMe status
     */
    public static int nvmeType(int status) {
        return status > 0 ? status >> 8 : 0;
    }

    /**
     * The NVMe status code (SC) of an NVMe status.
     *
     * @param status a packed status
     * @return the code, or 0 when this is no NVMe status
     */
    public static int nvmeCode(int status) {
        return status > 0 ? status & 0xff : 0;
    }

    /**
     * The error number of a status.
     *
     * @param status a packed status
     * @return the positive errno; 0 for success; {@link Errno#EIO} for an NVMe status, as POSIX would show it, except
     *     {@link Errno#ECANCELED} for an abort and {@link Errno#EILSEQ} for a miscompare
     */
    public static int errno(int status) {
        if (status <= 0) {
            return -status;
        }
        return switch (status) {
            case ABORTED -> Errno.ECANCELED;
            case MISCOMPARE -> Errno.EILSEQ;
            default -> Errno.EIO;
        };
    }

    /**
     * A status for a person.
     *
     * @param status a packed status
     * @return for instance {@code success}, {@code ENOSPC} or {@code NVMe status 2/85h (compare failure)}
     */
    public static String describe(int status) {
        if (status == SUCCESS) {
            return "success";
        }
        if (status < 0) {
            return Errno.name(-status);
        }
        String meaning =
                switch (status) {
                    case INTERNAL_ERROR -> " (internal error)";
                    case ABORTED -> " (abort requested)";
                    case MISCOMPARE -> " (compare failure)";
                    default -> "";
                };
        return "NVMe status %d/%02xh%s".formatted(nvmeType(status), nvmeCode(status), meaning);
    }
}
