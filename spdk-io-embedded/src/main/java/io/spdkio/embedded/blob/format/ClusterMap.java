package io.spdkio.embedded.blob.format;

import java.util.Arrays;

/**
 * Which cluster of the store each cluster of a blob is; 0 for none. In pieces as large as what an extent page holds: a
 * piece without any cluster takes no memory, so that a thin blob may be much larger than its store.
 *
 * <p>Changed by one thread. Others may read: they see an older or a newer entry.
 */
public final class ClusterMap {
    /** Clusters in a piece, and in an extent page. */
    public static final int PIECE = 512;

    private static final int SHIFT = 9;
    private static final int MASK = PIECE - 1;
    private static final int[] NONE = {};

    private int[][] pieces;
    private long count;
    private long allocated;

    /** Makes an empty one. */
    public ClusterMap() {
        pieces = new int[0][];
    }

    private ClusterMap(int[][] pieces, long count, long allocated) {
        this.pieces = pieces;
        this.count = count;
        this.allocated = allocated;
    }

    /**
     * The pieces that so many clusters need.
     *
     * @param clusters the number of clusters
     * @return the number of pieces
     */
    public static int piecesFor(long clusters) {
        return (int) ((clusters + MASK) >>> SHIFT);
    }

    /**
     * The piece that a cluster is in.
     *
     * @param index a cluster of the blob
     * @return the piece
     */
    public static int pieceOf(long index) {
        return (int) (index >>> SHIFT);
    }

    /**
     * How many clusters there are.
     *
     * @return the number of entries
     */
    public long count() {
        return count;
    }

    /**
     * How many of them are allocated.
     *
     * @return the number of entries that are not 0
     */
    public long allocated() {
        return allocated;
    }

    /**
     * Looks one up.
     *
     * @param index a cluster of the blob
     * @return a cluster of the store, as an unsigned number; 0 when it is not allocated or beyond the end
     */
    public int get(long index) {
        int piece = (int) (index >>> SHIFT);
        int[][] all = pieces;
        if (piece >= all.length) {
            return 0;
        }
        int[] entries = all[piece];
        int at = (int) index & MASK;
        return at < entries.length ? entries[at] : 0;
    }

    /** The entries of a piece; none when it has no cluster allocated. */
    int[] piece(int piece) {
        return pieces[piece];
    }

    /**
     * Changes one.
     *
     * @param index a cluster of the blob
     * @param cluster a cluster of the store, or 0
     */
    public void set(long index, int cluster) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(index);
        }
        int piece = (int) (index >>> SHIFT);
        int at = (int) index & MASK;
        int[] entries = pieces[piece];
        if (at >= entries.length) {
            if (cluster == 0) {
                return;
            }
            long inPiece = Math.min(PIECE, count - ((long) piece << SHIFT));
            entries = Arrays.copyOf(entries, (int) inPiece);
            pieces[piece] = entries;
        }
        allocated += (cluster != 0 ? 1 : 0) - (entries[at] != 0 ? 1 : 0);
        entries[at] = cluster;
    }

    /**
     * Changes how many there are; new ones are not allocated.
     *
     * @param newCount how many there will be
     */
    public void resize(long newCount) {
        int[][] old = pieces;
        int needed = piecesFor(newCount);
        int[][] resized = Arrays.copyOf(old, needed);
        for (int i = old.length; i < needed; i++) {
            resized[i] = NONE;
        }
        long lost = 0;
        for (int i = Math.min(needed, pieceOf(newCount)); i < old.length; i++) {
            int keep = Math.clamp(newCount - ((long) i << SHIFT), 0, PIECE);
            int[] entries = old[i];
            for (int at = keep; at < entries.length; at++) {
                lost += entries[at] != 0 ? 1 : 0;
            }
            if (i < needed && entries.length > keep) {
                resized[i] = Arrays.copyOf(entries, keep);
            }
        }
        allocated -= lost;
        count = newCount;
        pieces = resized;
    }

    /**
     * Whether a piece has any cluster allocated.
     *
     * @param piece which
     * @return false when all of its entries are 0
     */
    public boolean isPieceEmpty(int piece) {
        for (int entry : pieces[piece]) {
            if (entry != 0) {
                return false;
            }
        }
        return true;
    }

    /**
     * The next allocated cluster.
     *
     * @param from where to begin
     * @return its index in the blob, or -1
     */
    public long nextAllocated(long from) {
        int[][] all = pieces;
        for (int piece = pieceOf(from); piece < all.length; piece++) {
            int[] entries = all[piece];
            int begin = piece == pieceOf(from) ? (int) from & MASK : 0;
            for (int at = begin; at < entries.length; at++) {
                if (entries[at] != 0) {
                    return ((long) piece << SHIFT) + at;
                }
            }
        }
        return -1;
    }

    /**
     * The next cluster that is not allocated.
     *
     * @param from where to begin
     * @return its index in the blob, or -1
     */
    public long nextUnallocated(long from) {
        long index = from;
        while (index < count && get(index) != 0) {
            index++;
        }
        return index < count ? index : -1;
    }

    /**
     * Another one with the same entries.
     *
     * @return the copy
     */
    public ClusterMap copy() {
        int[][] copy = new int[pieces.length][];
        for (int i = 0; i < copy.length; i++) {
            copy[i] = pieces[i].length == 0 ? NONE : pieces[i].clone();
        }
        return new ClusterMap(copy, count, allocated);
    }
}
