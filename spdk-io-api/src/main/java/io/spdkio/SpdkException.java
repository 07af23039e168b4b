package io.spdkio;

import java.io.Serial;

/**
 * Anything that went wrong with storage, its devices or the engine. Programming mistakes in arguments are {@link
 * IllegalArgumentException}s instead.
 *
 * <p>The message says what was being done, on which device and range, what came back, and what to do next. The
 * subclasses are those that callers handle differently.
 */
public sealed class SpdkException extends RuntimeException
        permits SpdkException.NotFound,
                SpdkException.AlreadyExists,
                SpdkException.NoMemory,
                SpdkException.IoFailed,
                SpdkException.Cancelled,
                SpdkException.TimedOut,
                SpdkException.Closed,
                SpdkException.Busy,
                SpdkException.Unsupported,
                SpdkException.RpcFailed,
                SpdkException.EngineUnavailable,
                SpdkException.WrongThread {
    @Serial private static final long serialVersionUID = 1;

    /** The {@link IoStatus}, 0 when nothing was reported. */
    private final int status;

    /**
     * Creates an exception.
     *
     * @param message what was being done, what came back, what to do
     * @param status the {@link IoStatus}, or 0 when nothing was reported
     * @param cause what caused it, or null
     */
    public SpdkException(String message, int status, Throwable cause) {
        super(message, cause);
        this.status = status;
    }

    /**
     * What the device or the system reported.
     *
     * @return a packed {@link IoStatus}, 0 when nothing was reported
     */
    public final int status() {
        return status;
    }

    /**
     * What the device or the system reported, as an error number.
     *
     * @return a positive errno, 0 when nothing was reported
     */
    public final int errno() {
        return IoStatus.errno(status);
    }

    /**
     * The exception that fits a status, with a message that says what was being done, what came back and what to do.
     *
     * @param what what was being done, on what; begins the message
     * @param status a failed {@link IoStatus}
     * @return a new exception of the fitting subclass
     */
    public static SpdkException of(String what, int status) {
        String message = what + ": " + IoStatus.describe(status);
        String advice =
                switch (-status) {
                    case Errno.ENOMEM -> ". Try again when earlier I/O has completed";
                    case Errno.EOPNOTSUPP -> ". Ask Bdev.supports(type) first";
                    case Errno.ENODEV -> ". The device was removed; close the descriptor and open another";
                    case Errno.ENOSPC -> ". The file system under the device is full; free space and write again";
                    default -> "";
                };
        return withMessage(message + advice, status);
    }

    /**
     * The exception that fits a status.
     *
     * @param message the whole message
     * @param status a failed {@link IoStatus}
     * @return a new exception of the fitting subclass
     */
    public static SpdkException withMessage(String message, int status) {
        if (status == IoStatus.ABORTED) {
            return new Cancelled(message, status);
        }
        return switch (-status) {
            case Errno.ECANCELED -> new Cancelled(message, status);
            case Errno.ENOMEM -> new NoMemory(message, status);
            case Errno.ETIMEDOUT -> new TimedOut(message, status);
            case Errno.EOPNOTSUPP -> new Unsupported(message, status);
            case Errno.ENODEV, Errno.ENOENT -> new NotFound(message, status);
            case Errno.EEXIST -> new AlreadyExists(message, status);
            case Errno.EBUSY, Errno.EPERM -> new Busy(message, status);
            default -> new IoFailed(message, status);
        };
    }

    /** What was named does not exist, or does no longer. */
    public static final class NotFound extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message what was looked for, and what to do
         * @param status the {@link IoStatus}
         */
        public NotFound(String message, int status) {
            super(message, status, null);
        }
    }

    /** The name is taken. */
    public static final class AlreadyExists extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message which name, and what to do
         * @param status the {@link IoStatus}
         */
        public AlreadyExists(String message, int status) {
            super(message, status, null);
        }
    }

    /** Memory, or a bounded resource such as the pool of I/Os, is used up for now. */
    public static final class NoMemory extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message what was used up, and what to do
         * @param status the {@link IoStatus}
         */
        public NoMemory(String message, int status) {
            super(message, status, null);
        }
    }

    /** The device failed the I/O; {@link #status()} says how. */
    public static final class IoFailed extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message the operation, the device, the range and the status
         * @param status the {@link IoStatus}
         */
        public IoFailed(String message, int status) {
            super(message, status, null);
        }

        /**
         * Whether a compare found other data than was expected.
         *
         * @return true for {@link IoStatus#MISCOMPARE}
         */
        public boolean isMiscompare() {
            return status() == IoStatus.MISCOMPARE;
        }
    }

    /** The I/O was aborted, by the caller, a reset or the removal of its device. */
    public static final class Cancelled extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message the operation, the device and the range
         * @param status the {@link IoStatus}
         */
        public Cancelled(String message, int status) {
            super(message, status, null);
        }
    }

    /** The deadline passed first. */
    public static final class TimedOut extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message what did not finish, in which time
         * @param status the {@link IoStatus}
         */
        public TimedOut(String message, int status) {
            super(message, status, null);
        }
    }

    /** A handle was used after it was closed. */
    public static final class Closed extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message which handle, and what to do
         */
        public Closed(String message) {
            super(message, 0, null);
        }
    }

    /** Somebody else holds it: a buffer under I/O, a claimed device, a device in use. */
    public static final class Busy extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message what is held, by what, and what to do
         * @param status the {@link IoStatus}
         */
        public Busy(String message, int status) {
            super(message, status, null);
        }
    }

    /** The device or the engine does not do that. */
    public static final class Unsupported extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message what is not supported, and what is
         * @param status the {@link IoStatus}
         */
        public Unsupported(String message, int status) {
            super(message, status, null);
        }
    }

    /** A control call failed; see {@link Rpc}. */
    public static final class RpcFailed extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /** JSON-RPC: what was sent is not a request. */
        public static final int INVALID_REQUEST = -32_600;

        /** JSON-RPC: there is no such method, or not in this state of the environment. */
        public static final int METHOD_NOT_FOUND = -32_601;

        /** JSON-RPC: a parameter is missing, unknown or out of range. */
        public static final int INVALID_PARAMS = -32_602;

        /** JSON-RPC: anything else. SPDK's block devices also answer parameters that they can't read with it. */
        public static final int INTERNAL_ERROR = -32_603;

        /**
         * JSON-RPC: what was sent can't be read. SPDK's RAID methods answer parameters that they can't read with it.
         */
        public static final int PARSE_ERROR = -32_700;

        private static final int LARGEST_ERRNO = 4095;

        /** JSON-RPC's error code. */
        private final int code;

        /** JSON-RPC's error message. */
        private final String rpcMessage;

        /**
         * Creates an exception. Its {@link #status()} is the code if that is a negative errno, else 0.
         *
         * @param method the method that was called
         * @param code JSON-RPC's error code: one of the constants here, or a negative errno such as -19
         * @param rpcMessage JSON-RPC's error message
         */
        public RpcFailed(String method, int code, String rpcMessage) {
            super(
                    "rpc '" + method + "' failed with code " + code + ": " + rpcMessage + advice(code),
                    code < 0 && code >= -LARGEST_ERRNO ? code : 0,
                    null);
            this.code = code;
            this.rpcMessage = rpcMessage;
        }

        private static String advice(int code) {
            return code == METHOD_NOT_FOUND ? ". rpc_get_methods lists what there is" : "";
        }

        /**
         * JSON-RPC's error code.
         *
         * @return one of the constants here, or a negative errno
         */
        public int code() {
            return code;
        }

        /**
         * JSON-RPC's error message.
         *
         * @return the message as the method gave it
         */
        public String rpcMessage() {
            return rpcMessage;
        }
    }

    /** The engine that was asked for can't run here. */
    public static final class EngineUnavailable extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param message which engine, why not, what to install or set
         */
        public EngineUnavailable(String message) {
            super(message, 0, null);
        }
    }

    /**
     * A confined handle was used on another thread than its own. Send the work there with {@link SpdkThread#execute}.
     */
    public static final class WrongThread extends SpdkException {
        @Serial private static final long serialVersionUID = 1;

        /**
         * Creates an exception.
         *
         * @param what the handle that was used
         * @param owner the thread it belongs to
         * @param caller the thread it was used on
         */
        public WrongThread(String what, Thread owner, Thread caller) {
            super(
                    what
                            + " belongs to thread '"
                            + owner.getName()
                            + "' and was used on thread '"
                            + caller.getName()
                            + "'. Send the work to its owner with SpdkThread.execute",
                    0,
                    null);
        }
    }
}
