package io.spdkio.spi;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;

/**
 * The engine's open blob; see {@link io.spdkio.blob.Blob} for its methods' meaning. Called on the store's metadata
 * thread, except where a method says otherwise; stages complete there.
 */
public interface EngineBlob {
    /**
     * Its id. Any thread.
     *
     * @return the id
     */
    long id();

    /**
     * Whether its data can't be written. Any thread; read for every I/O that writes.
     *
     * @return true if it can only be read
     */
    boolean isReadOnly();

    /**
     * Whether it is thin. Any thread.
     *
     * @return true if it is
     */
    boolean isThin();

    /**
     * Whether it has clones. Any thread.
     *
     * @return true if it is a snapshot
     */
    boolean isSnapshot();

    /**
     * Whether it has a parent in the store. Any thread.
     *
     * @return true if it is a clone
     */
    boolean isClone();

    /**
     * Its size. Any thread.
     *
     * @return the number of clusters
     */
    long clusters();

    /**
     * Its size. Any thread; read for every I/O.
     *
     * @return bytes
     */
    long sizeBytes();

    /**
     * How many clusters are its own. Any thread.
     *
     * @return the number of clusters
     */
    long allocatedClusters();

    /**
     * Looks for data or a hole. Any thread.
     *
     * @param from where to begin, in I/O units
     * @param allocated whether to look for data
     * @return the first such unit at or after it, or nothing
     */
    OptionalLong nextIoUnit(long from, boolean allocated);

    /**
     * Opens a channel for I/O. Called on the thread that it is for; several may be open for one thread. Takes reads,
     * writes, unmaps and write-zeroes within the blob's size at the time of the call, in I/O units; when the blob has
     * become smaller meanwhile the I/O completes with {@code -EINVAL}.
     *
     * @param thread the calling thread
     * @return the channel
     */
    EngineChannel openChannel(EngineThread thread);

    /**
     * Changes its size.
     *
     * @param clusters the new size
     * @return completes when it has that size
     */
    CompletionStage<Void> resize(long clusters);

    /** Notes that it is to be read-only. */
    void setReadOnly();

    /**
     * Makes what has changed durable.
     *
     * @return completes when it is
     */
    CompletionStage<Void> syncMetadata();

    /**
     * Sets an attribute.
     *
     * @param name its name
     * @param value its value, the caller's own
     */
    void setXattr(String name, byte[] value);

    /**
     * Finds an attribute.
     *
     * @param name its name
     * @return its value, to keep, or nothing
     */
    Optional<byte[]> xattr(String name);

    /**
     * Lists the attributes.
     *
     * @return their names
     */
    List<String> xattrNames();

    /**
     * Removes an attribute.
     *
     * @param name its name
     */
    void removeXattr(String name);

    /**
     * Closes it; its channels are closed.
     *
     * @return completes when it is closed, whatever the stage says
     */
    CompletionStage<Void> close();
}
