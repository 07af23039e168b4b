package io.spdkio.libspdk;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** What the chain of metadata pages of a blob says, as far as repairs are about it. */
final class BlobPages implements MetadataPage.Visitor {
    /** Internal attributes: a clone's parent, and the clone of a snapshot that is being made or deleted. */
    private static final String PARENT = "SNAP";

    private static final String IN_PROGRESS = "SNAPTMP";
    private static final String PENDING_REMOVAL = "SNAPRM";

    private static final long THIN = 1;

    /** More clusters than 32 bits count are in none. */
    private static final int MAX_ENTRIES = 1 << 23;

    private static final long MAX_CLUSTERS = 0xffff_ffffL;

    /** A page of the chain, and how many entries of the extent table are in those before it. */
    record Link(long page, int entriesBefore, boolean hasTable) {}

    /** An extent page, and which entry of the table it is. */
    record Extents(int entry, long page) {}

    private final long id;
    private final long mdPages;
    private final Map<String, Long> ids = new HashMap<>();
    private final List<Link> chain = new ArrayList<>(1);

    /** The entries of the extent table that are a page; a run of those that are none may be long. */
    private final List<Extents> extents = new ArrayList<>(1);

    /** How many entries it has. */
    private int entries;

    /** What the parts of the table say, which is the same when nothing was cut short. */
    private long leastClusters = Long.MAX_VALUE;

    private long mostClusters = -1;

    /** Whether the page that is being taken has a part of it. */
    private boolean metTable;

    private boolean thin;
    private boolean damaged;
    private long missing;

    BlobPages(long id, long mdPages) {
        this.id = id;
        this.mdPages = mdPages;
        missing = MetadataPages.firstPage(id);
    }

    long id() {
        return id;
    }

    /** Whether an internal attribute is that of a snapshot that is not finished. */
    static boolean isOfUnfinished(String internalName) {
        return internalName.equals(IN_PROGRESS) || internalName.equals(PENDING_REMOVAL);
    }

    // ---- reading

    /** The page to be taken next; negative when that was the last one. */
    long missing() {
        return missing;
    }

    void take(MetadataPage page) {
        long number = missing;
        missing = -1;
        if (page.id() != id || page.sequence() != chain.size() || !page.isValid()) {
            damaged = true;
            return;
        }
        int before = entries;
        metTable = false;
        // Not in one: what is met may be damaged, too, and `|=` takes the old value first.
        boolean readable = page.visit(this);
        damaged |= !readable;
        chain.add(new Link(number, before, metTable));
        long next = page.next();
        if (next != MetadataPage.NO_NEXT) {
            // A page has one place in a chain, so this ends.
            damaged |= next >= mdPages;
            missing = damaged ? -1 : next;
        }
    }

    @Override
    public void flags(long invalidFlags) {
        thin = (invalidFlags & THIN) != 0;
    }

    @Override
    public void internalId(String name, long value) {
        ids.putIfAbsent(name, value);
    }

    @Override
    public void table(long clusters) {
        metTable = true;
        damaged |= clusters < 0 || clusters > MAX_CLUSTERS;
        leastClusters = Math.min(leastClusters, clusters);
        mostClusters = Math.max(mostClusters, clusters);
    }

    @Override
    public void extentPages(long page, long count) {
        if (page >= mdPages || (page != 0 && count != 1) || entries + count > MAX_ENTRIES) {
            damaged = true;
        }
        if (damaged) {
            return;
        }
        if (page != 0) {
            extents.add(new Extents(entries, page));
        }
        entries += (int) count;
    }

    // ---- what there is

    /** The clone of a snapshot that is not finished; null of others. */
    Long ofClone() {
        return ids.getOrDefault(PENDING_REMOVAL, ids.get(IN_PROGRESS));
    }

    boolean isCloneOf(long snapshot) {
        Long parent = ids.get(PARENT);
        return parent != null && parent == snapshot;
    }

    boolean isThin() {
        return thin;
    }

    /** Whether all that a blob with an extent table needs is there. */
    boolean isWhole() {
        return !damaged
                && mostClusters >= 0
                && entries >= MetadataPage.entriesFor(leastClusters)
                && entries <= MetadataPage.entriesFor(mostClusters);
    }

    /** The pages of the chain, from the first one. */
    List<Link> chain() {
        return chain;
    }

    /** The extent pages, in order. */
    List<Extents> extents() {
        return extents;
    }

    /** The page of an entry of the table; empty when it is none. */
    OptionalLong extentPage(int entry) {
        return extents.stream().filter(it -> it.entry == entry).mapToLong(Extents::page).findFirst();
    }

    /** What the part of the table that has fewest says. */
    long leastClusters() {
        return leastClusters;
    }

    long mostClusters() {
        return mostClusters;
    }
}
