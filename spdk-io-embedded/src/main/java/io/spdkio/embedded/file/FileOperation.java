package io.spdkio.embedded.file;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An I/O in flight, with how far it has got: the system may do less than it was asked to. A ring makes these as they
 * are needed and uses them again.
 */
final class FileOperation<T> {

    enum Kind {
        READ,
        WRITE,
        FLUSH,
        WRITE_ZEROES,
        UNMAP
    }

    /** The most that is asked of the system at once: a power of two below its own limit of 2 GiB. */
    static final int MOST_BYTES_AT_ONCE = 1 << 30;

    /** This operation's place in its ring. */
    final int index;

    FileOperation<T> next;
    RingFile<T> file;
    T request;
    Kind kind;

    long fileOffset;
    long bytes;
    long done;

    /** The memory, when it is one piece. */
    MemorySegment data;

    long dataOffset;

    /** The memory, when it is several pieces; else null. */
    MemorySegment[] pieces;

    int pieceCount;

    /** Aligned memory in place of the caller's, for direct I/O; else null. */
    private Arena bounceArena;

    /** The caller's memory, while {@link #data} is the aligned one. */
    private MemorySegment bouncedData;

    private long bouncedDataOffset;
    private MemorySegment[] bouncedPieces;

    /** Which call zeroes or unmaps; {@link BackingFile.RangeCall#NONE} for a {@link Kind#WRITE_ZEROES} that writes. */
    BackingFile.RangeCall rangeCall = BackingFile.RangeCall.NONE;

    /** Whether it is in flight. */
    boolean active;

    /** Whether its being cancelled is what was asked for. */
    boolean cancelRequested;

    /** The result of a step that is delivered later. */
    int result;

    /** Runs a step on a worker thread; made when it is first needed. */
    WorkerFileRing.Task<T> task;

    FileOperation(int index) {
        this.index = index;
    }

    /**
     * Begins the operation. References are stored only where they change, which under steady load they do not: the
     * store costs a barrier.
     */
    @SuppressWarnings("ReferenceEquality")
    void describe(RingFile<T> newFile, Kind newKind, long newBytes, long newFileOffset, T newRequest) {
        if (file != newFile) {
            file = newFile;
        }
        if (kind != newKind) {
            kind = newKind;
        }
        if (request != newRequest) {
            request = newRequest;
        }
        bytes = newBytes;
        fileOffset = newFileOffset;
        done = 0;
        active = true;
        cancelRequested = false;
    }

    @SuppressWarnings("MemorySegmentReferenceEquality") // an equal one would do as well; it is only stored needlessly
    void useMemory(MemorySegment newData, long newDataOffset, MemorySegment[] newPieces, int newPieceCount) {
        if (data != newData) {
            data = newData;
        }
        if (pieces != newPieces) {
            pieces = newPieces;
        }
        dataOffset = newDataOffset;
        pieceCount = newPieceCount;
    }

    /** {@return whether it moves bytes between memory and the file} */
    boolean isTransfer() {
        return switch (kind) {
            case READ, WRITE -> true;
            case WRITE_ZEROES -> rangeCall == BackingFile.RangeCall.NONE;
            case FLUSH, UNMAP -> false;
        };
    }

    long remaining() {
        return bytes - done;
    }

    /** {@return the next bytes to transfer} */
    int nextBytes() {
        long most = kind == Kind.WRITE_ZEROES ? data.byteSize() : MOST_BYTES_AT_ONCE;
        return (int) Math.min(remaining(), most);
    }

    /** {@return where in {@link #data} the next bytes are} */
    long nextDataOffset() {
        return kind == Kind.WRITE_ZEROES ? 0 : dataOffset + done;
    }

    long nextFileOffset() {
        return fileOffset + done;
    }

    /** Puts aligned memory in the place of memory that direct I/O cannot use. */
    void bounce(int alignmentBytes) {
        Arena arena = Arena.ofShared();
        MemorySegment aligned = arena.allocate(bytes, alignmentBytes);
        bounceArena = arena;
        bouncedData = data;
        bouncedDataOffset = dataOffset;
        bouncedPieces = pieces;
        if (kind == Kind.WRITE) {
            copy(aligned, false);
        }
        data = aligned;
        dataOffset = 0;
        pieces = null;
    }

    /** Brings what was read to the caller's memory, if it went elsewhere. */
    void unbounce(boolean success) {
        if (bounceArena != null) {
            if (success && kind == Kind.READ) {
                copy(data, true);
            }
            bounceArena.close();
            bounceArena = null;
            bouncedData = null;
            bouncedPieces = null;
        }
    }

    private void copy(MemorySegment aligned, boolean toCaller) {
        if (bouncedPieces == null) {
            copy(aligned, 0, bouncedData, bouncedDataOffset, bytes, toCaller);
            return;
        }
        long at = 0;
        for (int i = 0; i < pieceCount; i++) {
            copy(aligned, at, bouncedPieces[i], 0, bouncedPieces[i].byteSize(), toCaller);
            at += bouncedPieces[i].byteSize();
        }
    }

    private static void copy(
            MemorySegment aligned, long at, MemorySegment caller, long callerAt, long bytes, boolean toCaller) {
        if (toCaller) {
            MemorySegment.copy(aligned, at, caller, callerAt, bytes);
        } else {
            MemorySegment.copy(caller, callerAt, aligned, at, bytes);
        }
    }
}
